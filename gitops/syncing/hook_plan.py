"""Which objects of an Application are hooks, when does each run, and when is it deleted?

Called after rendering, once the objects have their namespaces: what is no hook is applied as part
of the Application; the hooks run at their moment of a sync or of the Application's deletion.
Sources: ArgoCD, "Sync Phases and Waves" and "Helm" (Helm hooks).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ManifestError
from gitops.objects.manifest import HOOK, SKIP, SYNC_WAVE, Manifest, ResourceKey, SyncPhase, wave_of
from gitops.ordering import sort_key
from gitops.syncing.hooks import Hook, hook_of
from gitops.syncing.options import listed

HOOK_DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
HELM_HOOK_DELETE_POLICY = "helm.sh/hook-delete-policy"
HELM_HOOK_WEIGHT = "helm.sh/hook-weight"
NAME_LIMIT = 63  # of a Job and of what a Pod's labels can hold
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")

# ArgoCD, "Helm Hooks". It knows no equivalent of pre-rollback, post-rollback and test.
HELM_PHASES: Mapping[str, SyncPhase] = {
    "pre-install": SyncPhase.PRE_SYNC,
    "pre-upgrade": SyncPhase.PRE_SYNC,
    "post-install": SyncPhase.POST_SYNC,
    "post-upgrade": SyncPhase.POST_SYNC,
    "pre-delete": SyncPhase.PRE_DELETE,
    "post-delete": SyncPhase.POST_DELETE,
}


class HookDeletePolicy(StrEnum):
    """When the object a hook made is deleted (ArgoCD, "Hook lifecycle and cleanup")."""

    BEFORE_HOOK_CREATION = "BeforeHookCreation"
    """Before the hook runs again; what holds where nothing is said."""
    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"
    NEVER = "Never"
    """For what a hook needs to find, such as a ServiceAccount."""


_HELM_POLICIES = {
    "before-hook-creation": HookDeletePolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": HookDeletePolicy.HOOK_SUCCEEDED,
    "hook-failed": HookDeletePolicy.HOOK_FAILED,
}
_POLICIES: Mapping[str, Mapping[str, HookDeletePolicy]] = {
    HOOK_DELETE_POLICY: {policy.value: policy for policy in HookDeletePolicy},
    HELM_HOOK_DELETE_POLICY: _HELM_POLICIES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHook:
    """One run of a hook in one phase; its manifest holds that phase and the hook's wave."""

    manifest: Manifest
    delete_policies: frozenset[HookDeletePolicy]

    @property
    def phase(self) -> SyncPhase:
        """The phase this run belongs to."""
        return self.manifest.phase

    @property
    def wave(self) -> int:
        """The wave of the phase it belongs to."""
        return self.manifest.wave

    @property
    def name_is_generated(self) -> bool:
        """Whether the object is made under another name every time, with ``generateName``."""
        return not self.manifest.outline["metadata"].get("name")

    @property
    def deleted_before_creation(self) -> bool:
        """Whether what an earlier run left is deleted first."""
        return HookDeletePolicy.BEFORE_HOOK_CREATION in self.delete_policies

    def deleted_after(self, *, succeeded: bool) -> bool:
        """Whether the object is deleted once the hook has ended like that."""
        ended = HookDeletePolicy.HOOK_SUCCEEDED if succeeded else HookDeletePolicy.HOOK_FAILED
        return ended in self.delete_policies

    def named(self, *, revision: str, started: datetime) -> Manifest:
        """The object to create: a ``generateName`` replaced by the name of this run."""
        if not self.name_is_generated:
            return self.manifest
        metadata = dict(self.manifest.outline["metadata"])
        prefix = str(metadata.pop("generateName"))
        name = generated_name(prefix, revision=revision, phase=self.phase, started=started)
        body = {**self.manifest.outline, "metadata": {**metadata, "name": name}}
        return replace(self.manifest, key=replace(self.manifest.key, name=name), outline=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlan:
    """An Application's objects by what is done with them.

    ``manifests`` are applied; ``hooks`` run, in order of phase, wave, kind and name, one entry for
    each phase of a hook; ``skipped`` (``hook: Skip``) are left alone where they exist;
    ``unsupported`` are Helm hooks that ArgoCD knows no phase for, such as tests.
    """

    manifests: tuple[Manifest, ...] = ()
    hooks: tuple[PlannedHook, ...] = ()
    skipped: tuple[Manifest, ...] = ()
    unsupported: tuple[Manifest, ...] = ()

    def of(self, phase: SyncPhase) -> tuple[PlannedHook, ...]:
        """The hooks of one phase, in the order they run."""
        return tuple(each for each in self.hooks if each.phase is phase)


def hooks_of(manifests: Sequence[Manifest]) -> HookPlan:
    """Separate an Application's hooks from the objects it consists of.

    Raises:
        ManifestError: a hook, delete policy or weight is malformed, or a hook is the same object as
            another one, which it would delete before it runs.
    """
    ordinary, skipped, unsupported = [], [], []
    hooks: list[PlannedHook] = []
    for manifest in manifests:
        hook = hook_of(manifest.outline)
        if hook is None:
            ordinary.append(manifest)
        elif hook.skipped:
            skipped.append(manifest)
        else:
            runs = _runs(manifest, hook)
            hooks += runs
            if not runs:
                unsupported.append(manifest)
    _refuse_repeated(ordinary, hooks)
    return HookPlan(
        manifests=tuple(ordinary),
        hooks=tuple(sorted(hooks, key=lambda each: sort_key(each.manifest))),
        skipped=tuple(skipped),
        unsupported=tuple(unsupported),
    )


def _runs(manifest: Manifest, hook: Hook) -> list[PlannedHook]:
    phases = phases_of(hook, manifest.key)
    if not phases:
        return []
    wave, policies = hook_wave(manifest), delete_policies(manifest)
    return [
        PlannedHook(manifest=replace(manifest, phase=phase, wave=wave), delete_policies=policies)
        for phase in phases
    ]


def phases_of(hook: Hook, key: ResourceKey) -> tuple[SyncPhase, ...]:
    """The phases a hook runs in, in order; none for a Helm hook that ArgoCD has no phase for.

    Raises:
        ManifestError: ArgoCD's annotation names no phase, or something that is none.
    """
    if hook.annotation != HOOK:
        named = {HELM_PHASES[moment] for moment in hook.moments if moment in HELM_PHASES}
        return tuple(phase for phase in SyncPhase if phase in named)
    allowed = (*SyncPhase, SKIP)
    wrong = [moment for moment in hook.moments if moment not in allowed]
    if wrong:
        raise ManifestError(
            str(key),
            f"{HOOK} is {','.join(hook.moments)!r}",
            remedy=f"use one or more of {', '.join(allowed)}{did_you_mean(wrong[0], allowed)}",
        )
    return tuple(phase for phase in SyncPhase if phase in hook.moments)


def hook_wave(manifest: Manifest) -> int:
    """The wave of a hook: its sync wave or, without one, its Helm weight (as ArgoCD reads it).

    Raises:
        ManifestError: the annotation is no whole number (Helm and ArgoCD read it as 0 in silence).
    """
    if SYNC_WAVE in manifest.annotations:
        return wave_of(manifest.outline, manifest.key)
    text = manifest.annotations.get(HELM_HOOK_WEIGHT, "0").strip()
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ManifestError(
            str(manifest.key),
            f"{HELM_HOOK_WEIGHT} is {text!r}",
            remedy='use a whole number such as "-1"',
        )
    return int(text)


def delete_policies(manifest: Manifest) -> frozenset[HookDeletePolicy]:
    """When a hook's object is deleted, by ArgoCD's annotation and Helm's together.

    Raises:
        ManifestError: an annotation names another policy, or Never beside one.
    """
    found: set[HookDeletePolicy] = set()
    for annotation, allowed in _POLICIES.items():
        for name in listed(manifest.annotations.get(annotation)):
            if name not in allowed:
                raise ManifestError(
                    str(manifest.key),
                    f'{annotation} holds "{name}"',
                    remedy=f"use one or more of {', '.join(allowed)}{did_you_mean(name, allowed)}",
                )
            found.add(allowed[name])
    if HookDeletePolicy.NEVER in found and len(found) > 1:
        raise ManifestError(
            str(manifest.key),
            f"its delete policies are {', '.join(sorted(found))}",
            remedy="let Never stand alone, or remove it",
        )
    return frozenset(found or {HookDeletePolicy.BEFORE_HOOK_CREATION})


def generated_name(prefix: str, *, revision: str, phase: SyncPhase, started: datetime) -> str:
    """The name of one run of a hook with ``generateName``, as ArgoCD makes it: the prefix, the
    revision's first seven characters, the phase, and when the sync started, in seconds.

    A name over 63 characters has the middle of its prefix replaced by a hash of it; ArgoCD would
    have the API server refuse the Job.

    Args:
        prefix: the object's ``metadata.generateName``.
        revision: the Git commit or the digest the sync applies.
        phase: the phase the hook runs in.
        started: when the sync started, with its time zone.
    """
    suffix = f"{revision[:7]}-{phase}-{int(started.timestamp())}".lower()
    room = NAME_LIMIT - len(suffix)
    if len(prefix) > room:
        digest = hashlib.sha256(prefix.encode()).hexdigest()[:8]
        prefix = f"{prefix[: room - len(digest) - 2].rstrip('-.')}-{digest}-"
    return prefix + suffix


def _refuse_repeated(ordinary: Sequence[Manifest], hooks: Sequence[PlannedHook]) -> None:
    applied = {each.key: each for each in ordinary}
    running: dict[tuple[ResourceKey, SyncPhase], Manifest] = {}
    for hook in hooks:
        manifest, place = hook.manifest, (hook.manifest.key, hook.phase)
        same_name = None if hook.name_is_generated else applied.get(manifest.key)
        other = same_name or running.setdefault(place, manifest)
        if other is not manifest:
            where = " and ".join(part for part in (other.source, manifest.source) if part)
            raise ManifestError(
                str(manifest.key),
                f"is a hook and rendered twice{f' ({where})' if where else ''}",
                remedy="rename one of the two",
            )

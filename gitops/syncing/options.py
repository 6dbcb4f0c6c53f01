"""Which sync and compare options hold for one object?

Called for every object of a sync: by ordering (PruneLast), by pruning (Prune, Delete), by the check
of immutable fields (Replace, Force) and by the components (how an object is applied). An object's
own annotation wins over its Application's ``syncOptions`` (ArgoCD, "Sync Options": "a resource will
always override"). ArgoCD leaves out in silence what it does not know; we refuse it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gitops.application import SyncPolicy
from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ManifestError
from gitops.objects.manifest import annotations_of
from gitops.objects.ownership import live_key
from gitops.templates import sync_options

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"
IGNORE_HEALTHCHECK = "argocd.argoproj.io/ignore-healthcheck"
IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"


class Permission(StrEnum):
    """What ``Prune`` and ``Delete`` say about deleting an object."""

    YES = "true"
    NO = "false"
    CONFIRM = "confirm"
    """Only after somebody confirmed that very deletion (``gitops.gate.judge``)."""


class PropagationPolicy(StrEnum):
    """What becomes of the objects a pruned one owns (Kubernetes, "Garbage Collection")."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"
    ORPHAN = "orphan"


class ApplyMethod(StrEnum):
    """How an object is written to the API server."""

    SERVER_SIDE = "server-side apply"
    CLIENT_SIDE = "client-side apply"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectOptions:
    """Every option as it holds for one object; the defaults are those of an object without any.

    ArgoCD's defaults, but for ``server_side_apply``: we apply server-side unless told otherwise.
    ``timeout`` is in seconds. ``server_side_diff`` is None where nothing is said about it.
    """

    prune: Permission = Permission.YES
    delete: Permission = Permission.YES
    replace: bool = False
    force: bool = False
    server_side_apply: bool = True
    client_side_apply_migration: bool = True
    validate: bool = True
    skip_dry_run_on_missing_resource: bool = False
    apply_out_of_sync_only: bool = False
    respect_ignore_differences: bool = False
    fail_on_shared_resource: bool = False
    create_namespace: bool = False
    prune_propagation_policy: PropagationPolicy = PropagationPolicy.FOREGROUND
    prune_last: bool = False
    timeout: int | None = None
    ignore_extraneous: bool = False
    server_side_diff: bool | None = None
    include_mutation_webhook: bool = False
    ignore_healthcheck: bool = False
    ignore_restart_policy: bool = False

    @property
    def apply_method(self) -> ApplyMethod:
        """Replace takes precedence over ServerSideApply (ArgoCD, "Server-Side Apply")."""
        if self.replace:
            return ApplyMethod.REPLACE
        return ApplyMethod.CLIENT_SIDE if self.client_side else ApplyMethod.SERVER_SIDE

    @property
    def client_side(self) -> bool:
        """Whether server-side apply is not to be used: it is switched off, or the object may have
        fields its schema does not have: server-side apply refuses those whatever validation is
        asked for (KEP-555), other requests drop them."""
        return not (self.server_side_apply and self.validate)

    @property
    def may_be_recreated(self) -> bool:
        """Whether the object may be deleted and created again where it cannot be changed."""
        return self.replace or self.force


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What an option's value becomes, and whether an object may set it for itself."""

    field: str
    on_objects: bool
    read: Callable[[str], object] = lambda text: text == "true"


# ArgoCD, "Sync Options" and the constants of its engine: every option may stand in an
# Application's syncOptions; what has on_objects may also stand in an object's annotation.
# Timeout is no option of ArgoCD's own (it passes over it); here it bounds the wait for one wave.
OPTIONS: Mapping[str, Option] = {
    "ApplyOutOfSyncOnly": Option(field="apply_out_of_sync_only", on_objects=False),
    "ClientSideApplyMigration": Option(field="client_side_apply_migration", on_objects=False),
    "CreateNamespace": Option(field="create_namespace", on_objects=False),
    "Delete": Option(field="delete", on_objects=True, read=Permission),
    "FailOnSharedResource": Option(field="fail_on_shared_resource", on_objects=False),
    "Force": Option(field="force", on_objects=True),
    "Prune": Option(field="prune", on_objects=True, read=Permission),
    "PruneLast": Option(field="prune_last", on_objects=True),
    "PrunePropagationPolicy": Option(
        field="prune_propagation_policy", on_objects=False, read=PropagationPolicy
    ),
    "Replace": Option(field="replace", on_objects=True),
    "RespectIgnoreDifferences": Option(field="respect_ignore_differences", on_objects=True),
    "ServerSideApply": Option(field="server_side_apply", on_objects=True),
    "SkipDryRunOnMissingResource": Option(
        field="skip_dry_run_on_missing_resource", on_objects=True
    ),
    "Timeout": Option(field="timeout", on_objects=False, read=int),
    "Validate": Option(field="validate", on_objects=True),
}
ON_OBJECTS = tuple(name for name, option in OPTIONS.items() if option.on_objects)

# ArgoCD, "Compare Options" and "Diff Strategies"; the first stands alone, the others have a value.
COMPARE: Mapping[str, dict[str, bool]] = {
    "IgnoreExtraneous": {"ignore_extraneous": True},
    "IncludeMutationWebhook=true": {"include_mutation_webhook": True},
    "IncludeMutationWebhook=false": {"include_mutation_webhook": False},
    "ServerSideDiff=true": {"server_side_diff": True},
    "ServerSideDiff=false": {"server_side_diff": False},
}


def object_options(body: Mapping[str, Any], policy: SyncPolicy) -> ObjectOptions:
    """The options of an object: its own annotations, then its Application's, then the defaults.

    Args:
        body: the object, rendered or from the last deployment.
        policy: the syncPolicy of its Application.

    Raises:
        ManifestError: an annotation names an option that is not known, that only an Application
            can set, or that has a wrong value; the text names the object and what is allowed.
    """
    annotations = annotations_of(body)
    found = dict(policy.sync_options)
    values: dict[str, bool] = {}
    if not annotations.keys().isdisjoint(_READ_HERE):
        subject = str(live_key(body))
        found |= _own_sync_options(annotations.get(SYNC_OPTIONS), subject)
        values = compare_options(annotations.get(COMPARE_OPTIONS), subject=subject) | {
            field: _flag(annotation, annotations[annotation], allowed, subject=subject)
            for annotation, (field, allowed) in _FLAGS.items()
            if annotation in annotations
        }
    return _combined(frozenset(found.items()), frozenset(values.items()))


@functools.cache  # thousands of objects share a handful of combinations
def _combined(
    settings: frozenset[tuple[str, str]], flags: frozenset[tuple[str, bool]]
) -> ObjectOptions:
    values: dict[str, Any] = dict(flags)
    values |= {OPTIONS[name].field: OPTIONS[name].read(value) for name, value in settings}
    return ObjectOptions(**values)


# ArgoCD documents no other value than "true"; "false" is harmless for the first, which it compares
# with "true", while our rule for Pods asks only whether the second is there.
_FLAGS = {
    IGNORE_HEALTHCHECK: ("ignore_healthcheck", ("true", "false")),
    IGNORE_RESTART_POLICY: ("ignore_restart_policy", ("true",)),
}
_READ_HERE = frozenset({SYNC_OPTIONS, COMPARE_OPTIONS, *_FLAGS})


def listed(text: str | None) -> list[str]:
    """The parts of an annotation that holds several, as ArgoCD separates them: by commas, with
    white space around them and empty parts dropped."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def compare_options(text: str | None, *, subject: str) -> dict[str, bool]:
    """What a compare-options annotation says, of an object or an Application, by field.

    Raises:
        ManifestError: an option is not known or has a wrong value.
    """
    found: dict[str, bool] = {}
    for option in listed(text):
        if option not in COMPARE:
            raise ManifestError(
                subject,
                f'{COMPARE_OPTIONS} holds "{option}"',
                remedy=f"use one of {', '.join(COMPARE)}{did_you_mean(option, COMPARE)}",
            )
        for field, value in COMPARE[option].items():
            if found.setdefault(field, value) != value:
                raise ManifestError(
                    subject, f"{COMPARE_OPTIONS} is {text!r}", remedy="keep one of the two values"
                )
    return found


def _own_sync_options(text: str | None, subject: str) -> dict[str, str]:
    options = listed(text)
    for option in options:
        name = option.partition("=")[0]
        if name not in ON_OBJECTS:
            problem = "only an Application can have" if name in OPTIONS else "is not known"
            raise ManifestError(
                subject,
                f'{SYNC_OPTIONS} holds "{option}", which {problem}',
                remedy=f"use one of {', '.join(ON_OBJECTS)}{did_you_mean(name, ON_OBJECTS)}",
            )
    try:
        return sync_options.read(options)
    except ValueError as error:
        raise ManifestError(
            subject, f"{SYNC_OPTIONS}: {error}", remedy="correct the annotation"
        ) from error


def _flag(annotation: str, text: str, allowed: tuple[str, ...], *, subject: str) -> bool:
    if text not in allowed:
        raise ManifestError(
            subject,
            f"{annotation} is {text!r}",
            remedy=f"use {' or '.join(map(repr, allowed))}, or remove it",
        )
    return text == "true"

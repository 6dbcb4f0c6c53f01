"""Is what an Application has in the cluster what Git says?

Called by the pass with the composed target and everything live that carries our label. Nothing is
asked of a cluster here: objects that only the API server can judge are handed back as suspects
(``Judged.different``), and ``cluster.dry_run`` asks it. Secrets are compared and never shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from msgspec import json  # definitions have a megabyte, and this is three times as fast

from gitops.deployment.inventory import Inventory
from gitops.diff import Difference, compare
from gitops.errors import HomeOpsError
from gitops.ignoring.implied import implied_rules
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.manifest import Manifest, ResourceKey, annotations_of
from gitops.objects.orphans import LiveObject, find_orphans
from gitops.prune import PrunePolicy
from gitops.records.record import SyncStatus
from gitops.syncing.options import COMPARE_OPTIONS, listed
from gitops.target import Target

Live = Mapping[str, Any]
IGNORE_EXTRANEOUS = "IgnoreExtraneous"
GOING = "metadata.deletionTimestamp"


class Why(StrEnum):
    """Why an object is OutOfSync."""

    MISSING = "Missing"
    DIFFERENT = "Different"
    EXTRANEOUS = "Extraneous"
    """It is ours and no longer in Git (ArgoCD: ``requiresPruning``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDrift:
    """One object that is not what Git says, and in which fields."""

    key: ResourceKey
    api_version: str
    why: Why
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One Application against the cluster.

    ``unknown`` are objects of kinds that could not be listed; ``error`` says why nothing could be
    compared at all.
    """

    application: str
    drifts: tuple[ObjectDrift, ...] = ()
    unknown: tuple[ResourceKey, ...] = ()
    error: HomeOpsError | None = None

    @property
    def status(self) -> SyncStatus:
        """OutOfSync where anything differs, Unknown where something could not be compared."""
        if self.error is not None:
            return SyncStatus.UNKNOWN
        if self.drifts:
            return SyncStatus.OUT_OF_SYNC
        return SyncStatus.UNKNOWN if self.unknown else SyncStatus.SYNCED

    @property
    def only_prune(self) -> bool:
        """Whether it differs by objects alone that are no longer in Git."""
        return bool(self.drifts) and all(each.why is Why.EXTRANEOUS for each in self.drifts)

    @property
    def requires_pruning(self) -> bool:
        """Whether there are objects that are no longer in Git (ArgoCD: ``requiresPruning``)."""
        return any(each.why is Why.EXTRANEOUS for each in self.drifts)

    @property
    def only_beside(self) -> bool:
        """Whether everything Git has is as it should be; objects that are not in Git do not count
        here, for they are looked for among all there are."""
        known = self.error is None and not self.unknown
        return known and all(each.why is Why.EXTRANEOUS for each in self.drifts)

    def without(self, keys: Collection[ResourceKey]) -> Comparison:
        """The same without what turned out to be no drift."""
        return replace(self, drifts=tuple(each for each in self.drifts if each.key not in keys))


def object_digest(body: Mapping[str, Any]) -> str:
    """A short hash of a rendered object."""
    return hashlib.sha256(json.encode(body, order="sorted")).hexdigest()[:16]


def version_of(live: Live) -> str:
    """What changes whenever a live object does: its uid and resourceVersion."""
    metadata = live.get("metadata") or {}
    return f"{metadata.get('uid', '')}/{metadata.get('resourceVersion', '')}"


def shared_rules(
    target: Target, system: Sequence[IgnoreRule], live: Iterable[LiveObject] = ()
) -> tuple[IgnoreRule, ...]:
    """The rules for objects of all Applications: the config's and those that manifests imply.

    Args:
        target: what Git says.
        system: ``resourceCustomizations`` of the config.
        live: what is in the cluster; of broken Applications it stays, autoscalers among it.
    """
    broken = {each.spec.name for each in target.applications if each.error is not None}
    rendered = [each for app in target.applications for each in app.manifests]
    staying = (Manifest.from_body(dict(each.body)) for each in live if each.application in broken)
    return (*system, *implied_rules([*rendered, *staying]))


def compare_object(
    manifest: Manifest, live: Live | None, rules: Sequence[IgnoreRule]
) -> ObjectDrift | None:
    """One object against its live form; None where they agree.

    Raises:
        ConfigError: an ignore rule cannot be evaluated.
    """
    key, version = manifest.key, manifest.api_version
    if live is None:
        return ObjectDrift(key=key, api_version=version, why=Why.MISSING)
    if going := (live.get("metadata") or {}).get("deletionTimestamp"):
        found = (Difference(path=GOING, target=None, live=going),)
        return ObjectDrift(key=key, api_version=version, why=Why.MISSING, differences=found)
    differences = tuple(compare(manifest.body, live, rules))
    if not differences:
        return None
    return ObjectDrift(key=key, api_version=version, why=Why.DIFFERENT, differences=differences)


def extraneous(
    target: Target, live: Iterable[LiveObject], *, stack: str
) -> dict[str, list[ObjectDrift]]:
    """The objects that are ours and in no target, by Application; departed ones are among these.

    Left out is what no sync deletes: objects a rule keeps, what hooks made, objects being deleted,
    those marked ``IgnoreExtraneous``, and those of Applications that cannot be rendered. While some
    directory cannot be read at all, nobody knows which Applications have left Git.
    """
    names = {each.spec.name for each in target.applications}
    policy = PrunePolicy(
        # with prune off they are shown all the same, as ArgoCD does; the decision leaves them
        prune={each.spec.name: True for each in target.applications if each.error is None},
        sync_options={
            each.spec.name: each.spec.sync_policy.sync_options for each in target.applications
        },
        broken=frozenset(each.spec.name for each in target.applications if each.error),
        skipped=target.skipped,
    )
    found: dict[str, list[ObjectDrift]] = {}
    wanted = (*target.keys, *target.hook_keys)  # a hook may have become another Application's
    orphans = find_orphans(live, stack=stack, target=wanted, inventory=Inventory(), policy=policy)
    for each in orphans:
        name = each.application or ""
        if (target.errors and name not in names) or _ignored(each.body):
            continue
        drift = ObjectDrift(
            key=each.key, api_version=str(each.body.get("apiVersion", "")), why=Why.EXTRANEOUS
        )
        found.setdefault(name, []).append(drift)
    return found


def _ignored(live: Live) -> bool:
    return IGNORE_EXTRANEOUS in listed(annotations_of(live).get(COMPARE_OPTIONS))

"""Is what Applications stand on what Git says: the bootstrap, and the namespaces they are put in?

Called by the pass after it has looked at the Applications. None of these objects is labelled:
namespaces, of which there may be many, come with one LIST, each of the others by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster.connection import Connection
from cluster.discovery import ApiResource, ClusterFacts
from cluster.dry_run import Suspect, innocent
from cluster.reading import read_objects
from gitops.comparison import Comparison, ObjectDrift, Why, compare_object
from gitops.config import Settings
from gitops.errors import HomeOpsError
from gitops.ignoring.partial import FIELD_MANAGER
from gitops.ignoring.rules import IgnoreRule, matching
from gitops.objects.base_objects import BOOTSTRAP, base_objects, base_rules
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.target import Target
from reconciler.passes.comparing import applied
from reconciler.passes.reading import read_each, resource_of

HEALED = "healed"
CALM = timedelta(minutes=10)


def compare_base(
    connection: Connection, facts: ClusterFacts, settings: Settings, target: Target, *, stack: str
) -> tuple[Comparison, ...]:
    """The bootstrap and the namespaces against the cluster.

    Args:
        connection: the API server.
        facts: what it serves.
        settings: the stack's config.
        target: what Git says.
        stack: the stack's name.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    rules = base_rules(settings)
    groups = base_objects(settings, target, stack=stack)
    manifests = {each.key: each for several in groups.values() for each in several}
    lives = _read(connection, facts, manifests.values())
    found: list[Comparison] = []
    for name, several in groups.items():
        try:
            drifts = list(_drifts(several, lives, rules))
        except HomeOpsError as error:
            found.append(Comparison(application=name, error=error))
            continue
        suspects = list(_suspects(drifts, manifests, lives, facts, rules))
        fine = innocent(connection, suspects, manager=FIELD_MANAGER)
        found.append(Comparison(application=name, drifts=tuple(drifts)).without(fine))
    return tuple(found)


def _read(
    connection: Connection, facts: ClusterFacts, manifests: Iterable[Manifest]
) -> dict[ResourceKey, dict[str, Any]]:
    namespaces: dict[ResourceKey, ApiResource] = {}
    others: list[Manifest] = []
    for each in manifests:
        resource = resource_of(facts, each)
        if resource is not None and (resource.group, resource.kind) == ("", "Namespace"):
            namespaces[each.key] = resource
        else:
            others.append(each)
    listed = read_objects(connection, namespaces, label_selector="")
    return listed | read_each(connection, facts, others)


def _drifts(
    manifests: Sequence[Manifest],
    lives: Mapping[ResourceKey, Mapping[str, Any]],
    rules: Sequence[IgnoreRule],
) -> Iterator[ObjectDrift]:
    for manifest in sorted(manifests, key=lambda each: each.key):
        drift = compare_object(manifest, lives.get(manifest.key), rules)
        if drift is not None:
            yield drift


def _suspects(
    drifts: Sequence[ObjectDrift],
    manifests: Mapping[ResourceKey, Manifest],
    lives: Mapping[ResourceKey, Mapping[str, Any]],
    facts: ClusterFacts,
    rules: Sequence[IgnoreRule],
) -> Iterator[Suspect]:
    for drift in drifts:
        manifest = manifests[drift.key]
        resource, live = resource_of(facts, manifest), lives.get(drift.key)
        if drift.why is Why.DIFFERENT and resource is not None and live is not None:
            body = applied(manifest, live, matching(rules, drift.key))
            yield Suspect(key=drift.key, resource=resource, body=body, live=live)


def heals(
    base: Sequence[Comparison],
    settings: Settings,
    target: Target,
    memory: Mapping[str, str],
) -> bool:
    """Whether a pass puts right what differs, for which everything has to be run.

    The bootstrap's own policy decides about its objects, about a namespace that of the Applications
    in it. What differs again soon afterwards is somebody else's too: it waits a while, so that two
    do not fight over it all day.

    Args:
        base: what differs.
        settings: the stack's config.
        target: what Git says.
        memory: what the stack's reconciler remembers.
    """
    healing = {
        each.spec.destination.namespace
        for each in target.applications
        if each.spec.sync_policy.automated and each.spec.sync_policy.automated.self_heal
    }
    own = settings.bootstrap.sync_policy.automated
    wanted = any(
        (own is not None and own.self_heal)
        if each.application == BOOTSTRAP
        # one that is missing comes back with what is missing in it
        else drift.why is Why.DIFFERENT and drift.key.name in healing
        for each in base
        for drift in each.drifts
    )
    try:
        last = datetime.fromisoformat(memory.get(HEALED, ""))
    except ValueError:
        return wanted
    return wanted and datetime.now(UTC) - last >= CALM


def drifted(base: Sequence[Comparison]) -> frozenset[ResourceKey]:
    """What of them differs."""
    return frozenset(drift.key for each in base for drift in each.drifts)

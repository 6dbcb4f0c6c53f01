"""Which Applications of a shard wait for another shard?

Called by whoever decides a run. Within one stack the engine keeps the order of Applications; what
another shard has to bring first is looked for in its state and in the cluster, and an Application
that lacks it is left out of this run, to be taken by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gitops.application_target import ApplicationTarget
from gitops.comparison import shared_rules
from gitops.deployment.inventory import Inventory
from gitops.deployment.unchanged import unchanged
from gitops.errors import OrderError
from gitops.health import HealthStatus
from gitops.ignoring.rules import IgnoreRule, matching
from gitops.objects.manifest import ResourceKey
from gitops.objects.scope import defined_kind, is_crd
from gitops.sharding.division import Division
from gitops.status.application import application_health
from gitops.status.resource import ResourceStatus

WAITS = "the next run of this shard takes it"
"""How a message ends that is about an Application that waits for another shard."""
_FINE = (HealthStatus.HEALTHY, HealthStatus.SUSPENDED)
_COMING = (HealthStatus.MISSING, HealthStatus.PROGRESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known of the other shards.

    Args:
        statuses: the live objects of the Applications that are waited for, with their health.
        served: the kinds the cluster serves.
        namespaces: those of the namespaces Applications render that are there.
        state: reads the last deployment of a shard, by its number.
        rules: the config's ignore rules.
    """

    statuses: Mapping[str, Sequence[ResourceStatus]]
    served: Collection[tuple[str, str]]
    namespaces: Collection[str]
    state: Callable[[int], Inventory]
    rules: Sequence[IgnoreRule] = field(default=())


def awaited_beside(division: Division) -> frozenset[str]:
    """The Applications of other shards that some of this one wait for."""
    order = division.whole.order
    own = (each.spec.name for each in division.own.applications)
    return frozenset(name for each in own for name in order.awaited(each)) & division.beside.keys()


def waiting(division: Division, names: Collection[str], beside: Beside) -> dict[str, OrderError]:
    """Which of some Applications have to wait, each with the reason.

    Args:
        division: what Git says.
        names: the Applications of this shard that are to be synced.
        beside: what is known of the others.
    """
    judging = _Judging(division, beside)
    found: dict[str, OrderError] = {}
    targets = {each.spec.name: each for each in division.own.applications}
    for name in sorted(targets.keys() & names):
        reason = next(judging.reasons(targets[name]), "")
        if reason:
            found[name] = _error(targets[name], reason)
    for name, needed in division.whole.order.blocked(found).items():
        if name in targets and name in names:
            found[name] = _error(targets[name], f"waits for {targets[needed].subject}, which waits")
    return found


def _error(target: ApplicationTarget, reason: str) -> OrderError:
    return OrderError(target.subject, f"left as it is: {reason}", remedy=WAITS)


class _Judging:
    def __init__(self, division: Division, beside: Beside) -> None:
        self._division, self._beside = division, beside
        self._targets = {each.spec.name: each for each in division.others}
        self._rules = shared_rules(division.whole, beside.rules)
        self._definers: dict[tuple[str, str], ApplicationTarget] = {}
        self._homes: dict[str, ApplicationTarget] = {}
        for target in division.others:
            for each in target.manifests:
                if is_crd(each.outline):
                    kind = defined_kind(each.outline)
                    self._definers[kind.group, kind.kind] = target
                elif each.key.kind == "Namespace" and not each.key.group:
                    self._homes[each.key.name] = target

    def reasons(self, target: ApplicationTarget) -> Iterator[str]:
        """Why an Application has to wait."""
        if target.error is not None:
            return
        for each in (*target.manifests, *(hook.manifest for hook in target.hooks)):
            yield from self._missing(each.key)
        order = self._division.whole.order
        for name in order.declared.get(target.spec.name, ()):
            if name in self._targets and (reason := self._unready(name)):
                yield f"waits for {self._shown(self._targets[name])}, {reason}"
        for name in order.inferred.get(target.spec.name, ()):
            # one that has failed holds up nobody, as within a stack
            if name in self._targets and self._health(name) in _COMING:
                yield f"waits for {self._shown(self._targets[name])}, which is not healthy yet"

    def _missing(self, key: ResourceKey) -> Iterator[str]:
        kind = (key.group, key.kind)
        if kind in self._definers and kind not in self._beside.served:
            name = ".".join(filter(None, (key.kind, key.group)))
            yield f"{name} comes with {self._shown(self._definers[kind])}, and is not served yet"
        if key.namespace in self._homes and key.namespace not in self._beside.namespaces:
            shown = self._shown(self._homes[key.namespace])
            yield f"namespace {key.namespace} comes with {shown}, and is not there yet"

    def _unready(self, name: str) -> str:
        target = self._targets[name]
        if target.error is not None or not self._is_synced(target):
            return "which is not synced yet"
        return "" if self._health(name) in _FINE else "which is not healthy yet"

    def _is_synced(self, target: ApplicationTarget) -> bool:
        """Whether the last deployment of its shard has it as Git does, as far as it is applied
        whole."""
        state = self._beside.state(self._division.beside[target.spec.name])
        rules = (*target.spec.ignore_differences, *self._rules)
        return all(
            (found := state.objects.get(each.key)) is not None
            and found.application == target.spec.name
            and (bool(matching(rules, each.key)) or unchanged(each, found.body))
            for each in target.manifests
        )

    def _health(self, name: str) -> HealthStatus:
        statuses = self._beside.statuses.get(name, ())
        there = {each.key for each in statuses}
        if any(each.key not in there for each in self._targets[name].manifests):
            return HealthStatus.MISSING
        # an Application without objects has nothing that could be unhealthy
        return application_health(statuses).status if statuses else HealthStatus.HEALTHY

    def _shown(self, target: ApplicationTarget) -> str:
        return f"{target.subject} of shard {self._division.beside[target.spec.name]}"

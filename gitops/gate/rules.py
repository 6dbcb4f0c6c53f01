"""For which reasons does the prune gate stop an Application?

One total function per reason, each a text for people or nothing; ``gate`` asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gitops.application_target import ApplicationTarget
from gitops.gate.settings import GateSettings
from gitops.gate.stateful_kinds import stateful
from gitops.objects.manifest import ResourceKey

_SHOWN = 10


class GateReason(StrEnum):
    """Why an Application is stopped."""

    APPLICATION_SHARE = "ApplicationShare"
    CLUSTER_SHARE = "ClusterShare"
    STATEFUL = "Stateful"
    EMPTY = "Empty"
    WHOLE_SET = "WholeSet"
    MOVED = "Moved"
    CONFIRM = "Confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """One object that would be deleted; ``asks`` is its own ``Prune=confirm``, where it has one."""

    key: ResourceKey
    application: str
    application_set: str = ""
    uid: str = ""
    asks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An object that would be deleted in one namespace and created in another."""

    source: ResourceKey
    destination: ResourceKey

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination.namespace}/{self.destination.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the rules judge: one Application with everything that would be deleted of it.

    Args:
        target: what Git holds of it, None when it left Git.
        doomed: its objects that would be deleted.
        total: how many objects it has in the cluster.
        cluster_doomed: how many objects of all Applications would be deleted.
        cluster_total: how many objects all Applications have.
        set_gone: its ApplicationSet, where that has no Application any more.
        moves: those of its objects that appear in another namespace.
    """

    target: ApplicationTarget | None
    doomed: tuple[Doomed, ...]
    total: int
    cluster_doomed: int
    cluster_total: int
    set_gone: str = ""
    moves: tuple[Move, ...] = ()
    settings: GateSettings
    left: bool = False

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """The objects that would be deleted."""
        return tuple(each.key for each in self.doomed)


def application_share(case: Case) -> str:
    """Too much of an Application that stays in Git would go."""
    if case.left:
        return ""
    exceeded = case.settings.application.exceeded(len(case.doomed), case.total)
    return exceeded and f"it would lose {exceeded}"


def cluster_share(case: Case) -> str:
    """Too much of all Applications together would go."""
    exceeded = case.settings.cluster.exceeded(case.cluster_doomed, case.cluster_total)
    return exceeded and f"all Applications together would lose {exceeded}"


def stateful_kinds(case: Case) -> str:
    """Something that holds data would go."""
    lost: dict[str, list[str]] = {}
    for key in case.keys:
        found = stateful(key, case.settings.stateful_kinds)
        if found is not None:
            lost.setdefault(found.loses, []).append(str(key))
    return "; ".join(f"{loses} would go with {_listed(keys)}" for loses, keys in lost.items())


def empty(case: Case) -> str:
    """The Application would be empty, and nobody has said that it may be."""
    target = case.target
    if target is None or target.error is not None or target.manifests:
        return ""
    return "" if target.spec.sync_policy.allow_empty else "it renders to nothing without allowEmpty"


def whole_set(case: Case) -> str:
    """No Application of the set is left: more often a wrong path than a wish."""
    return case.set_gone and f"every Application of the set {case.set_gone} is gone"


def moved(case: Case) -> str:
    """Objects change their namespace: they are deleted and made anew, without their data."""
    moves = [str(each) for each in case.moves]
    return f"it changes the namespace of {_listed(moves)}" if moves else ""


def confirm(case: Case) -> str:
    """Somebody asked to be asked."""
    asking = [f"{each.key} ({each.asks})" for each in case.doomed if each.asks]
    return f"confirmation is wanted for {_listed(asking)}" if asking else ""


RULES: Mapping[GateReason, Callable[[Case], str]] = {
    GateReason.APPLICATION_SHARE: application_share,
    GateReason.CLUSTER_SHARE: cluster_share,
    GateReason.STATEFUL: stateful_kinds,
    GateReason.EMPTY: empty,
    GateReason.WHOLE_SET: whole_set,
    GateReason.MOVED: moved,
    GateReason.CONFIRM: confirm,
}


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

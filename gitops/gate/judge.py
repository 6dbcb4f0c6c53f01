"""May the objects that are about to be deleted really go?

Called once per run between the prune plan and the components, before anything is deleted. A pure
function; it stops single Applications, whose objects then stay, and lets all others continue. An
Application is stopped for any of these reasons (each a function in ``gate_rules``):

====================  ==============================================================================
``ApplicationShare``  it stays in Git and would lose more than a share or count of its objects
``ClusterShare``      more than a share or count of all Applications' objects would go in this run
``Stateful``          a Namespace, definition, volume, StatefulSet, database ... would go
``Empty``             it renders to nothing, without allowEmpty
``WholeSet``          every Application of its ApplicationSet is gone
``Moved``             the same kind and name appears in another namespace; shown side by side
``Confirm``           Prune=confirm or Delete=confirm holds for an object
====================  ==============================================================================

An Application that left Git goes as a whole by Git's word: the share of its own objects says
nothing then, all other reasons count.

A confirmation is a token: a digest of exactly the objects that would go, with their uids where they
are known. It fits that one deletion and no other, so one that was forgotten in the config confirms
nothing later, not even the deletion of the same objects made anew. (ArgoCD confirms with a time
stamp on the Application object, which there is none of here.) Every stopped Application has a
token, and so have all of them together.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.gate.rules import RULES, Case, Doomed, GateReason, Move
from gitops.gate.settings import ENVIRONMENT, TOKEN_PREFIX, GateSettings
from gitops.objects.manifest import ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.prune import Decision, PruneAction, PrunePlan

BOOTSTRAP = "bootstrap"
_Arrivals = dict[tuple[str, str, str, str], ResourceKey]
_ASKING = frozenset({"Prune=confirm", "Delete=confirm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStop:
    """An Application whose deletions wait: why, which, and the token that lets them happen."""

    application: str
    reasons: Mapping[GateReason, str] = field(hash=False)
    objects: tuple[ResourceKey, ...]
    moves: tuple[Move, ...] = ()
    confirm: str

    def __str__(self) -> str:
        count = len(self.objects)
        return "\n".join(
            (
                f"{self.application or BOOTSTRAP}: the prune gate keeps {count} "
                f"{'object' if count == 1 else 'objects'} that would be deleted",
                *(f"  {reason}: {text}" for reason, text in self.reasons.items()),
                *(f"  - {each}" for each in _side_by_side(self.objects, self.moves)),
                "  until then the Application stays exactly as it is, all others are synced",
                f"  put them back into Git, or confirm exactly this deletion: add {self.confirm} "
                f"to home-ops:confirm, or run `gitops up --confirm {self.confirm}` "
                f"({ENVIRONMENT} for a plain `pulumi up`)",
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What is stopped in a run.

    Args:
        stopped: by Application; the bootstrap's own name is empty.
        confirmed: what would be stopped, had it not been confirmed.
        confirm: the token for everything that is or would be stopped; empty when nothing is.
        unused: confirmations that fit no deletion of this run and can be removed.
    """

    stopped: Mapping[str, GateStop] = field(default_factory=dict)
    confirmed: Mapping[str, GateStop] = field(default_factory=dict)
    confirm: str = ""
    unused: tuple[str, ...] = ()


def judge(
    plan: PrunePlan,
    orphans: Sequence[LiveObject],
    *,
    inventory: Inventory,
    target: Sequence[ApplicationTarget],
    settings: GateSettings,
    confirmations: Collection[str] = (),
    live: Iterable[LiveObject] = (),
    uids: Mapping[ResourceKey, str] | None = None,
) -> Gate:
    """Find the Applications whose deletions need a confirmation they do not have.

    Args:
        plan: what would be deleted; objects it keeps for ``Prune=confirm`` or ``Delete=confirm``
            are judged too.
        orphans: what would be deleted besides.
        inventory: the last deployment.
        target: what Git holds, broken Applications included.
        settings: the limits.
        confirmations: the tokens people gave.
        live: what the cluster holds of ours, which counts for the shares: after a lost state the
            inventory knows little of it.
        uids: of live objects; without them a token also fits the same objects made anew.
    """
    doomed = _doomed(plan, orphans, uids or {})
    totals = _totals(inventory, (*live, *orphans))
    cases = _cases(doomed, totals, inventory, target, settings)
    stops = {
        name: _stop(name, case, reasons)
        for name, case in cases.items()
        if (reasons := {reason: text for reason, rule in RULES.items() if (text := rule(case))})
    }
    together = _digest(sorted(each.confirm for each in stops.values())) if stops else ""
    given = frozenset(confirmations)
    confirmed = {n for n, each in stops.items() if together in given or each.confirm in given}
    used = {together, *(each.confirm for each in stops.values())}
    return Gate(
        stopped={name: each for name, each in stops.items() if name not in confirmed},
        confirmed={name: each for name, each in stops.items() if name in confirmed},
        confirm=together,
        unused=tuple(sorted(given - used)),
    )


def apply(plan: PrunePlan, gate: Gate) -> PrunePlan:
    """The plan with every stopped deletion turned into an object that is kept, and every confirmed
    one that waited for it into a deletion."""
    return PrunePlan(decisions=tuple(_settled(each, gate) for each in plan.decisions))


def permitted(orphans: Iterable[LiveObject], gate: Gate) -> list[LiveObject]:
    """The orphans that may be deleted."""
    return [each for each in orphans if (each.application or "") not in gate.stopped]


def _settled(decision: Decision, gate: Gate) -> Decision:
    if not _would_go(decision):
        return decision
    stop = gate.stopped.get(decision.object.application)
    if stop is not None:
        reason = f"prune gate ({', '.join(stop.reasons)}); confirm with {stop.confirm}"
        return replace(decision, action=PruneAction.KEEP, reason=reason)
    if decision.action is PruneAction.PRUNE:
        return decision
    return replace(
        decision, action=PruneAction.PRUNE, reason=f"{decision.reason}, which was confirmed"
    )


def _would_go(decision: Decision) -> bool:
    return decision.action is PruneAction.PRUNE or decision.reason in _ASKING


def _doomed(
    plan: PrunePlan, orphans: Iterable[LiveObject], uids: Mapping[ResourceKey, str]
) -> dict[str, list[Doomed]]:
    found: dict[str, list[Doomed]] = defaultdict(list)
    for decision in filter(_would_go, plan.decisions):
        each = decision.object
        found[each.application].append(
            Doomed(
                key=each.key,
                application=each.application,
                application_set=each.application_set,
                uid=uids.get(each.key, ""),
                asks=decision.reason if decision.reason in _ASKING else "",
            )
        )
    for orphan in orphans:
        application = orphan.application or ""
        found[application].append(Doomed(key=orphan.key, application=application, uid=orphan.uid))
    return found


def _cases(
    doomed: Mapping[str, Sequence[Doomed]],
    totals: Counter[str],
    inventory: Inventory,
    target: Sequence[ApplicationTarget],
    settings: GateSettings,
) -> dict[str, Case]:
    applications = {each.spec.name: each for each in target}
    living_sets = {each.spec.application_set for each in target}
    arrivals = _arrivals(inventory, target)
    cases: dict[str, Case] = {}
    for name, objects in sorted(doomed.items()):
        found, application_set = applications.get(name), objects[0].application_set
        left = bool(name) and found is None
        cases[name] = Case(
            target=found,
            left=left,
            doomed=tuple(sorted(objects, key=lambda each: each.key)),
            total=totals[name],
            cluster_doomed=sum(len(each) for owner, each in doomed.items() if owner),
            cluster_total=totals.total() - totals[""],
            set_gone=application_set if left and application_set not in living_sets else "",
            moves=_moves(name, objects, arrivals),
            settings=settings,
        )
    return cases


def _totals(inventory: Inventory, live: Iterable[LiveObject]) -> Counter[str]:
    """How many objects each Application has, by what the state or else the object itself says."""
    owners = {each.key: each.application for each in live if each.application}
    owners.update({key: found.application for key, found in inventory.objects.items()})
    return Counter(owners.values())


def _arrivals(inventory: Inventory, target: Iterable[ApplicationTarget]) -> _Arrivals:
    """Objects that are new in Git, and whose Applications they are.

    One that is new itself counts for everybody: a directory that changes its category becomes
    another Application. Among those that were there before, the same name is chance and no move:
    many have a NetworkPolicy default-deny.
    """
    before = inventory.applications
    return {
        (key.group, key.kind, key.name, "" if each.spec.name not in before else each.spec.name): key
        for each in target
        for key in (manifest.key for manifest in each.manifests)
        if key.namespace and key not in inventory.objects
    }


def _moves(application: str, doomed: Iterable[Doomed], arrivals: _Arrivals) -> tuple[Move, ...]:
    found = []
    for source in sorted(each.key for each in doomed if each.key.namespace):
        name = (source.group, source.kind, source.name)
        destination = arrivals.get((*name, application)) or arrivals.get((*name, ""))
        if destination is not None:
            found.append(Move(source=source, destination=destination))
    return tuple(found)


def _stop(name: str, case: Case, reasons: Mapping[GateReason, str]) -> GateStop:
    lines = [f"{each.key}\0{each.uid}" for each in case.doomed]
    return GateStop(
        application=name,
        reasons=reasons,
        objects=case.keys,
        moves=case.moves,
        confirm=_digest([name, *lines]),
    )


def _digest(lines: Iterable[str]) -> str:
    return TOKEN_PREFIX + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _side_by_side(objects: Iterable[ResourceKey], moves: Iterable[Move]) -> Iterable[str]:
    moving = {each.source: each for each in moves}
    return (str(moving.get(key, key)) for key in objects)

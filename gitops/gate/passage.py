"""What of a run goes through the prune gate, and what stays as it is?

Called by ``decision`` between the prune plan and the components. ``pass_gate`` collects what the
judgement needs and takes the stopped Applications out of the target; ``complete`` settles the fate
of every object once it is known what is still declared.

A stopped Application stays exactly as it is, as an ArgoCD sync that waits for the confirmation of a
prune does: nothing of it is deleted, and nothing else of it is applied. An Application that is new
and would get what a stopped one loses is not made either: the same program must not run in two
namespaces, one of them without its data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.gate.judge import BOOTSTRAP, Gate, GateStop, apply, judge, permitted
from gitops.gate.settings import ANNOTATION, read_confirmations
from gitops.objects.manifest import ResourceKey, annotations_of
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import STACK
from gitops.prune import Decision, PruneAction, PrunePlan
from gitops.target import Target

_WAITS = "its new place waits at the prune gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the gate makes of a run.

    Args:
        gate: who is stopped, and what was confirmed.
        target: without the objects of stopped Applications, and without the new Applications that
            wait for them (``waiting``, each with the Application it waits for).
        prune: the plan; ``complete`` adds what follows from the target that is left.
        held: the objects that stay exactly as they are because an Application was stopped.
        orphans: those that may be deleted.
        forgotten: confirmed deletions of objects the engine would only forget; whoever runs it
            deletes them by their uid.
    """

    gate: Gate
    target: Target
    prune: PrunePlan
    waiting: Mapping[str, str]
    held: frozenset[ResourceKey] = frozenset()
    orphans: tuple[LiveObject, ...] = ()
    forgotten: tuple[LiveObject, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people must know: a text for each stopped Application, and one for all of them."""
        stopped = self.gate.stopped
        told = tuple(
            _told(stop, sorted(n for n, source in self.waiting.items() if source == name))
            for name, stop in stopped.items()
        )
        if len(stopped) < 2 or self.gate.confirmed:
            return told
        names = ", ".join(name or BOOTSTRAP for name in stopped)
        return (*told, f"the prune gate: {self.gate.confirm} confirms all of {names}")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was confirmed, and which tokens are of no use any more."""
        confirmed = (
            f"{name or BOOTSTRAP}: {_counted(len(stop.objects))} confirmed"
            for name, stop in self.gate.confirmed.items()
        )
        unused = (f"the prune gate: {token} confirms nothing now" for token in self.gate.unused)
        return (*confirmed, *unused)


def pass_gate(
    plan: PrunePlan,
    orphans: Sequence[LiveObject],
    *,
    settings: Settings,
    target: Target,
    inventory: Inventory,
    live: Iterable[LiveObject],
    stack: str,
) -> Passage:
    """Judge a run.

    Args:
        plan: what would become of everything that is not rendered any more.
        orphans: what would be deleted besides.
        settings: the limits and the confirmations of the config.
        target: what Git holds.
        inventory: the last deployment.
        live: what the cluster holds; where no cluster was asked, the uids are the state's.
        stack: whose objects count, where several stacks share a cluster.

    Raises:
        ConfigError: an annotation or a settings file confirms with something that is no token.
    """
    found = {each.key: each for each in live if annotations_of(each.body).get(STACK) == stack}
    gate = judge(
        plan,
        orphans,
        inventory=inventory,
        target=target.applications,
        settings=settings.prune_gate,
        confirmations=_confirmations(settings, target),
        live=found.values(),
        uids=_uids(plan, found),
    )
    if target.errors:
        gate = _without_unknown(gate, target.applications)
    waiting = _waiting(gate, target.applications, inventory)
    settled = apply(plan, gate)
    return Passage(
        gate=gate,
        target=replace(target, applications=_remaining(target.applications, gate, waiting)),
        prune=settled,
        waiting=waiting,
        orphans=tuple(permitted(orphans, gate)),
        forgotten=tuple(_forgotten(settled, target.applications, found)),
    )


def complete(passage: Passage, declared: Collection[ResourceKey], inventory: Inventory) -> Passage:
    """The same passage with a decision for every object that is not declared.

    A stopped Application also keeps what another rule would let go, what moved to it from another,
    and its namespace. Where something of a departed Application stays, so does everything that the
    engine keeps only when the Application itself goes (``deletedWith``).

    Args:
        passage: what ``pass_gate`` returned.
        declared: everything that is declared in this run.
        inventory: the last deployment.
    """
    decided = {each.object.key: each for each in passage.prune.decisions}
    for key, found in inventory.objects.items():
        if key not in declared and key not in decided:
            decided[key] = Decision(object=found, action=PruneAction.KEEP, reason=_WAITS)
    stopped = passage.gate.stopped
    namespaces = {key.namespace for key, each in decided.items() if _of(each) in stopped}
    held = {
        key
        for key, each in decided.items()
        if each.reason == _WAITS
        or (_of(each) and _of(each) in stopped)
        or (each.action is not PruneAction.PRUNE and _is_namespace(key) and key.name in namespaces)
    }
    kept = [replace(d, action=PruneAction.KEEP) if k in held else d for k, d in decided.items()]
    staying = {_of(each) for each in kept if each.action is PruneAction.KEEP}
    decisions = (replace(e, action=PruneAction.KEEP) if _lost(e, staying) else e for e in kept)
    plan = PrunePlan(decisions=tuple(sorted(decisions, key=lambda each: each.object.key)))
    return replace(passage, prune=plan, held=frozenset(held))


def _counted(deletions: int) -> str:
    return "1 deletion was" if deletions == 1 else f"{deletions} deletions were"


def _told(stop: GateStop, waiting: Sequence[str]) -> str:
    lines = str(stop).splitlines()
    if waiting:
        names = ", ".join(waiting)
        lines.insert(-1, f"  {names} would get some of them and is not made before that")
    return "\n".join(lines)


def _confirmations(settings: Settings, target: Target) -> frozenset[str]:
    """All tokens: of the config and the environment, of templates and of Applications."""
    tokens = set(settings.confirm)
    templates = {
        each.name: ((each.template.get("metadata") or {}).get("annotations") or {})
        for each in settings.application_sets
    }
    texts = {name: annotations.get(ANNOTATION, "") for name, annotations in templates.items()}
    for name, text in (*texts.items(), *((each.name, each.confirm) for each in target.sets)):
        tokens |= read_confirmations(text, subject=f"{name}: annotation {ANNOTATION}")
    for application in target.applications:
        tokens |= application.spec.confirm
        text = application.spec.annotations.get(ANNOTATION, "")
        tokens |= read_confirmations(text, subject=f"{application.subject}: {ANNOTATION}")
    return frozenset(tokens)


def _uids(plan: PrunePlan, live: Mapping[ResourceKey, LiveObject]) -> dict[ResourceKey, str]:
    # the state's uid makes a preview without a cluster, and a run after a killed one that had
    # deleted some already, ask for the same confirmation
    return {
        each.object.key: live[each.object.key].uid if each.object.key in live else _uid(each.object)
        for each in plan.decisions
    }


def _uid(found: InventoryObject) -> str:
    return str((found.live.get("metadata") or {}).get("uid") or "")


def _without_unknown(gate: Gate, target: Iterable[ApplicationTarget]) -> Gate:
    """The gate of a run in which some directories could not become an Application.

    They may be those that seem to have left Git, and nothing is deleted in such a run: only moves
    still count, as their other half would be made.
    """
    present = {BOOTSTRAP, *(each.spec.name for each in target)}
    known = {n: each for n, each in gate.stopped.items() if n in present or each.moves}
    return replace(gate, stopped=known)


def _waiting(
    gate: Gate, target: Iterable[ApplicationTarget], inventory: Inventory
) -> dict[str, str]:
    """The new Applications that would get what a stopped one loses, each with that one."""
    before = inventory.applications
    arrivals = {
        move.destination: name for name, stop in gate.stopped.items() for move in stop.moves
    }
    return {
        each.spec.name: arrivals[manifest.key]
        for each in target
        if each.spec.name not in before and each.spec.name not in gate.stopped
        for manifest in each.manifests
        if manifest.key in arrivals
    }


def _remaining(
    target: Iterable[ApplicationTarget], gate: Gate, waiting: Collection[str]
) -> tuple[ApplicationTarget, ...]:
    return tuple(
        each.held() if each.spec.name in gate.stopped else each
        for each in target
        if each.spec.name not in waiting
    )


def _forgotten(
    plan: PrunePlan,
    target: Iterable[ApplicationTarget],
    live: Mapping[ResourceKey, LiveObject],
) -> Iterable[LiveObject]:
    present = {each.spec.name for each in target}
    for decision in plan.of(PruneAction.PRUNE):
        found = decision.object
        departed = found.application not in present
        if found.retained or (found.retained_with_application and departed):
            body = LiveObject.from_body(found.live)
            yield live.get(found.key) or replace(
                body, key=found.key, uid=_uid(found), application=found.application
            )


def _of(decision: Decision) -> str:
    return decision.object.application


def _is_namespace(key: ResourceKey) -> bool:
    return key.kind == "Namespace" and not key.group


def _lost(decision: Decision, staying: Collection[str]) -> bool:
    """Whether the engine would delete an object that should only be forgotten: it is kept by its
    Application's going, and that stays for now."""
    return (
        decision.action is PruneAction.RELEASE
        and not decision.object.retained
        and _of(decision) in staying
    )

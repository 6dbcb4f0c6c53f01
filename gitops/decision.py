"""What does a run do: declare, keep, release, delete?

Called once per run with everything that is known; what it returns is declared to the engine. The
order of the questions matters: who owns what, which fields are left to others, what goes, and what
of that the prune gate stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.deployment.part import Part
from gitops.errors import OwnershipError
from gitops.gate.passage import Passage, complete, pass_gate
from gitops.ignoring.apply import LastAndLive, LiveOwners, leave_out, partials
from gitops.ignoring.partial import Partial
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.bootstrap_objects import bootstrap_objects, has_derived_rights
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.namespaces import CreatedNamespace, as_they_were, created_namespaces
from gitops.objects.orphans import LiveObject, find_orphans
from gitops.objects.shared_objects import refuse_taken
from gitops.prune import PruneAction, PrunePlan, PrunePolicy, plan
from gitops.rights.needed import NeededRights, needed_rights
from gitops.sharding.division import Division
from gitops.syncing.deletion_order import OrderedDeletion, ordered_deletions
from gitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything a run declares, decided before the first resource is registered."""

    settings: Settings
    target: Target
    inventory: Inventory
    prune: PrunePlan
    orphans: Sequence[LiveObject]
    namespaces: Sequence[CreatedNamespace]
    passage: Passage
    bootstrap_partials: Mapping[ResourceKey, Partial]
    deletions: Sequence[OrderedDeletion]
    bootstrap: Sequence[Manifest] = ()
    elsewhere: frozenset[ResourceKey] = frozenset()

    @property
    def part(self) -> Part:
        """All of it, as it is declared."""
        objects = (each.object for each in self.prune.of(PruneAction.KEEP))
        sets = {
            *(each.name for each in self.settings.application_sets),
            *(each.spec.application_set for each in self.target.applications),
            *(each.application_set for each in objects if each.application),
        }
        return Part(
            sets=sorted(sets),
            applications=self.target.applications,
            order=self.target.order,
            inventory=self.inventory,
            prune=self.prune,
            namespaces=self.namespaces,
            held=self.passage.held,
            deletions=self.deletions,
            leaving=self.elsewhere,
            doomed=(*self.orphans, *self.passage.forgotten),
            deletes=not self.target.all_errors,
        )


def decide(
    settings: Settings,
    target: Target,
    inventory: Inventory,
    *,
    live: Sequence[LiveObject],
    owners: LiveOwners | None,
    stack: str,
    elsewhere: frozenset[ResourceKey] = frozenset(),
    division: Division | None = None,
    others: Sequence[Inventory] = (),
) -> Run:
    """Settle what is declared, kept, released and deleted; pure but for its arguments.

    Args:
        settings: the stack's config.
        target: what Git holds, as far as this stack is about it.
        inventory: the last deployment of this stack.
        live: what the cluster holds of ours, as far as this stack is about it.
        owners: who owns which field; None where no cluster is at hand.
        stack: the name objects are marked with.
        elsewhere: objects in Git that another stack has.
        division: everything Git holds, where this stack is about a part of it.
        others: the last deployments of other shards, which share the reconciler's rights.

    Raises:
        OwnershipError: the last deployment holds one object under two URNs, so that declaring it
            once would delete it through the other.
    """
    whole = division.whole if division else target
    needed = _needed(settings, whole, _joined(inventory, others), elsewhere)
    bodies = bootstrap_objects(settings, stack=stack, needed=needed)
    bootstrap = tuple(Manifest.from_body(body) for body in bodies)
    reserved = frozenset(each.key for each in bootstrap)
    known = LastAndLive(inventory=inventory, owners=owners)
    rules = settings.ignore_differences
    checked = _left_to_others(_checked(target, reserved), rules, known, stack)
    declared, _ = _declared(reserved, checked, inventory, division)
    policy = _policy(settings, checked, inventory.application_inputs)
    policy = replace(policy, elsewhere=elsewhere)
    pruned = plan(tuple(declared), inventory, policy)
    # a run with errors deletes nothing, and what cannot be rendered may own what looks orphaned
    orphans = (
        []
        if checked.all_errors
        else find_orphans(
            live,
            stack=stack,
            target={*declared, *checked.hook_keys},
            inventory=inventory,
            policy=policy,
        )
    )
    passage = pass_gate(
        pruned,
        orphans,
        settings=settings,
        target=checked,
        inventory=inventory,
        live=live,
        stack=stack,
    )
    declared, namespaces = _declared(reserved, passage.target, inventory, division)
    passage = complete(passage, declared, inventory)
    kept = (each.object.key for each in passage.prune.of(PruneAction.KEEP))
    refuse_two_urns({*declared, *kept}, inventory)
    return Run(
        settings=settings,
        target=replace(passage.target, warnings=(*passage.target.warnings, *needed.warnings)),
        inventory=inventory,
        prune=passage.prune,
        orphans=passage.orphans,
        namespaces=namespaces,
        passage=passage,
        elsewhere=elsewhere,
        deletions=ordered_deletions(
            inventory, passage.prune.decisions, applications=target.applications
        ),
        bootstrap=bootstrap,
        bootstrap_partials=partials(
            bootstrap,
            (*settings.bootstrap.ignore_differences, *rules),
            known,
        ),
    )


def _left_to_others(
    target: Target, rules: Sequence[IgnoreRule], known: LastAndLive, stack: str
) -> Target:
    """Without the objects that belong to somebody else, and the fields that do."""
    if known.owners is not None:
        applications = target.applications
        taken = refuse_taken(applications, known.inventory, known.owners.of, stack=stack)
        target = replace(target, applications=taken)
    return replace(target, applications=leave_out(target.applications, rules, known))


def refuse_two_urns(keys: Iterable[ResourceKey], inventory: Inventory) -> None:
    """Stop before the engine starts where it would delete what it has just applied or kept.

    Raises:
        OwnershipError: an object that is declared has two URNs in the state.
    """
    for key in sorted(keys):
        urns = inventory.urns.get(key, ())
        if len(urns) > 1:
            raise OwnershipError(
                str(key),
                f"the state knows it under {len(urns)} names ({', '.join(urns)}), and one run "
                "would update it through one and delete it through another",
                remedy="forget one of them with `pulumi state delete URN`",
            )


def _joined(inventory: Inventory, others: Sequence[Inventory]) -> Inventory:
    """What any shard has: whichever deletes it, the rights for that are the same."""
    objects = {key: each for other in others for key, each in other.objects.items()}
    return replace(inventory, objects={**objects, **inventory.objects}) if others else inventory


def _needed(
    settings: Settings, target: Target, inventory: Inventory, elsewhere: frozenset[ResourceKey]
) -> NeededRights:
    if not has_derived_rights(settings):
        return NeededRights()
    return needed_rights(
        target.applications,
        inventory,
        target.scopes,
        elsewhere=elsewhere,
        cluster=settings.cluster,
    )


def _declared(
    reserved: frozenset[ResourceKey],
    target: Target,
    inventory: Inventory,
    division: Division | None,
) -> tuple[set[ResourceKey], list[CreatedNamespace]]:
    specs = [each.spec for each in target.applications if not _moves_away(each, inventory)]
    others = division.others if division else ()
    rendered = _rendered_namespaces(target, inventory)
    rendered |= {e.key.name for o in others for e in o.manifests if e.key.kind == "Namespace"}
    wanted = {each.destination.namespace for each in specs}
    # every shard makes the namespaces it needs as all would make them together, the first makes all
    namespaces = [
        each
        for each in created_namespaces((*specs, *(each.spec for each in others)), rendered=rendered)
        if division is None or division.first or each.name in wanted
    ]
    standing = _standing_namespaces(target, inventory)
    reserved_names = {key.name for key in reserved if key.kind == "Namespace"}
    standing = {n: each for n, each in standing.items() if n not in rendered | reserved_names}
    namespaces = as_they_were(namespaces, standing, inventory)
    made = (Manifest.from_body(dict(each.body)).key for each in namespaces)
    return {*target.keys, *reserved, *made}, namespaces


def _moves_away(target: ApplicationTarget, inventory: Inventory) -> bool:
    # what stays where it is needs no other namespace
    last = inventory.application_inputs.get(target.spec.name, {})
    stays = target.stopped or target.spec.error is not None
    return stays and last.get("namespace") != target.spec.destination.namespace


def _standing_namespaces(target: Target, inventory: Inventory) -> dict[str, str]:
    # of what the prune gate has stopped, the gate keeps the namespace
    inputs = inventory.application_inputs
    return {
        str(inputs[each.spec.name].get("namespace", "")): each.spec.application_set
        for each in target.applications
        if each.spec.error is not None and each.spec.name in inputs
    }


def _rendered_namespaces(target: Target, inventory: Inventory) -> set[str]:
    # a broken Application still has the namespaces it rendered last: nobody else makes them anew
    broken = {each.spec.name for each in target.applications if each.error or each.stopped}
    had = (key for key, found in inventory.objects.items() if found.application in broken)
    return {key.name for key in (*target.keys, *had) if key.kind == "Namespace" and not key.group}


def _checked(target: Target, reserved: frozenset[ResourceKey]) -> Target:
    def checked(application: ApplicationTarget) -> ApplicationTarget:
        for manifest in application.manifests:
            if manifest.key in reserved:
                return application.broken(
                    OwnershipError(
                        application.subject,
                        f"{manifest.key} belongs to the bootstrap",
                        remedy="remove it, or rename it",
                    )
                )
        return application

    return replace(target, applications=tuple(checked(each) for each in target.applications))


def _policy(
    settings: Settings, target: Target, gone: Mapping[str, Mapping[str, Any]]
) -> PrunePolicy:
    return PrunePolicy(
        prune={
            each.spec.name: each.spec.sync_policy.prune
            for each in target.applications
            if each.error is None
        },
        sync_options={
            **{name: each.get("syncOptions") or {} for name, each in gone.items()},
            **{each.spec.name: each.spec.sync_policy.sync_options for each in target.applications},
        },
        broken=frozenset(each.spec.name for each in target.applications if each.error),
        preserving=frozenset(
            (
                *(each.name for each in settings.application_sets if each.preserving),
                *(each.name for each in target.sets if each.preserving),
            )
        ),
        skipped=target.skipped,
    )

"""In which order are a run's components declared?

Called by the composition root with everything decided. Namespaces and definitions of all
Applications come before the objects that need them; a run in which something is broken declares the
rest and then fails, so that nothing is deleted in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from components.application import Application, ApplicationArgs
from components.application_set import ApplicationSet, ApplicationSetArgs
from components.bootstrap import Bootstrap, BootstrapArgs, bootstrap_keys
from components.commands import check_plugin
from components.live_cluster import LiveCluster
from components.orphaned_resources import OrphanedResources
from components.replacement import after_deletion
from gitops.application import ApplicationSpec, Destination, Source
from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.errors import OwnershipError
from gitops.inventory import Inventory, InventoryObject
from gitops.manifest import Manifest, ResourceKey
from gitops.namespaces import CreatedNamespace, created_namespaces
from gitops.orphans import LiveObject, find_orphans
from gitops.prune import Decision, PruneAction, PrunePlan, PrunePolicy, plan
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


def decide(
    settings: Settings,
    target: Target,
    inventory: Inventory,
    *,
    live: Iterable[LiveObject],
    stack: str,
) -> Run:
    """Settle what is declared, kept, released and deleted; pure but for its arguments.

    Raises:
        OwnershipError: the last deployment holds one object under two URNs, so that declaring it
            once would delete it through the other.
    """
    checked = _checked(target, bootstrap_keys(settings.bootstrap))
    rendered = _rendered_namespaces(checked, inventory)
    specs = [each.spec for each in checked.applications]
    namespaces = created_namespaces(specs, rendered=rendered)
    declared = {
        *checked.keys,
        *bootstrap_keys(settings.bootstrap),
        *(Manifest.from_body(dict(each.body)).key for each in namespaces),
    }
    policy = _policy(settings, checked)
    pruned = plan(tuple(declared), inventory, policy)
    kept = (each.object.key for each in pruned.of(PruneAction.KEEP))
    refuse_two_urns({*declared, *kept}, inventory)
    return Run(
        settings=settings,
        target=checked,
        inventory=inventory,
        prune=pruned,
        # a run with errors deletes nothing, and what cannot be rendered may own what looks orphaned
        orphans=[]
        if checked.all_errors
        else find_orphans(live, stack=stack, target=declared, inventory=inventory, policy=policy),
        namespaces=namespaces,
    )


def declare(run: Run, cluster: LiveCluster, provider: pulumi.ProviderResource) -> None:
    """Register everything with the engine.

    Raises:
        pulumi.RunError: something is broken; every error is named, and all that is not broken has
            been registered.
    """
    options = pulumi.ResourceOptions(providers=[provider])
    projects = run.settings.projects
    bootstrap_args = BootstrapArgs(
        settings=run.settings.bootstrap,
        projects=projects,
        inventory=run.inventory,
        kept=[
            each.object for each in run.prune.of(PruneAction.KEEP) if not each.object.application
        ],
    )
    Bootstrap("bootstrap", bootstrap_args, options)
    sets = _application_sets(run, options)
    provided: dict[object, pulumi.Resource] = {}
    for application_set in sets.values():
        provided.update(application_set.namespaces)
    applications = list(_applications(run, sets, cluster))
    for application in applications:
        provided.update(application.provided)
    for application in applications:
        application.declare_objects(provided)
    if run.orphans:
        OrphanedResources("orphaned-resources", run.orphans, cluster, options)
    _report(run)


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


def _rendered_namespaces(target: Target, inventory: Inventory) -> set[str]:
    # a broken Application still has the namespaces it rendered last: nobody else makes them anew
    broken = {each.spec.name for each in target.applications if each.error}
    had = (key for key, found in inventory.objects.items() if found.application in broken)
    return {key.name for key in (*target.keys, *had) if key.kind == "Namespace" and not key.group}


def _checked(target: Target, reserved: frozenset[ResourceKey]) -> Target:
    def checked(application: ApplicationTarget) -> ApplicationTarget:
        missing = check_plugin(application)
        if missing:
            return application.broken(missing)
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


def _policy(settings: Settings, target: Target) -> PrunePolicy:
    return PrunePolicy(
        prune={
            each.spec.name: each.spec.sync_policy.prune
            for each in target.applications
            if each.error is None
        },
        broken=frozenset(each.spec.name for each in target.applications if each.error),
        preserving=frozenset(each.name for each in settings.application_sets if each.preserving),
        skipped=target.skipped,
    )


def _application_sets(run: Run, options: pulumi.ResourceOptions) -> dict[str, ApplicationSet]:
    names = {
        *(each.name for each in run.settings.application_sets),
        *(each.object.application_set for each in _departed(run)),
    }
    return {
        name: ApplicationSet(
            name,
            ApplicationSetArgs(
                namespaces=[each for each in run.namespaces if each.application_set == name],
                inventory=run.inventory,
            ),
            options,
        )
        for name in sorted(names)
    }


def _applications(
    run: Run, sets: Mapping[str, ApplicationSet], cluster: LiveCluster
) -> Iterable[Application]:
    kept = _kept(run)
    replaces = any(target.replacements for target in run.target.applications)
    replacing = after_deletion(cluster) if replaces else None
    for target in run.target.applications:
        args = ApplicationArgs(
            target=target,
            inventory=run.inventory,
            kept=kept.pop(target.spec.name, ()),
            replacing=replacing,
        )
        parent = sets[target.spec.application_set]
        yield Application(target.spec.name, args, pulumi.ResourceOptions(parent=parent))
    for name, objects in sorted(kept.items()):
        parent = sets[objects[0].application_set]
        args = ApplicationArgs(
            target=ApplicationTarget(spec=_departed_spec(name, objects[0].application_set)),
            inventory=run.inventory,
            kept=objects,
            departed=True,
        )
        yield Application(name, args, pulumi.ResourceOptions(parent=parent))


def _kept(run: Run) -> dict[str, list[InventoryObject]]:
    kept: dict[str, list[InventoryObject]] = defaultdict(list)
    for decision in run.prune.of(PruneAction.KEEP):
        if decision.object.application:
            kept[decision.object.application].append(decision.object)
    return kept


def _departed(run: Run) -> list[Decision]:
    present = {each.spec.name for each in run.target.applications}
    return [
        each
        for each in run.prune.of(PruneAction.KEEP)
        if each.object.application and each.object.application not in present
    ]


def _departed_spec(name: str, application_set: str) -> ApplicationSpec:
    return ApplicationSpec(
        name=name,
        category="",
        application_set=application_set,
        project="",
        source=Source(path=""),
        destination=Destination(namespace=""),
    )


def _report(run: Run) -> None:
    for application in run.target.applications:
        for warning in application.warnings:
            pulumi.log.warn(warning)
    broken = {each.spec.name for each in run.target.applications if each.error}
    for decision in run.prune.decisions:
        if decision.action is not PruneAction.PRUNE and decision.object.application not in broken:
            subject = decision.object.application or "bootstrap"
            pulumi.log.info(
                f"{subject}: {decision.object.key} stays in the cluster: {decision.reason}"
            )
    for orphan in run.orphans:
        pulumi.log.warn(
            f"{orphan.application}: {orphan.key} is in the cluster and in no state; it is not in "
            "Git any more and is deleted"
        )
    errors = run.target.all_errors
    if errors:
        lines = "\n".join(f"  {error}" for error in errors)
        raise pulumi.RunError(
            f"{len(errors)} {'directory' if len(errors) == 1 else 'directories'} cannot be synced; "
            f"all other Applications are, and nothing is deleted in this run:\n{lines}"
        )

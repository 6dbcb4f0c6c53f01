"""In which order are a run's components declared?

Called by the composition root with everything decided. Namespaces and definitions of all
Applications come before the objects that need them; a run in which something is broken declares the
rest and then fails, so that nothing is deleted in it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pulumi

from components.application import Application, ApplicationArgs
from components.application_set import ApplicationSet, ApplicationSetArgs
from components.awaiting import After
from components.bootstrap import Bootstrap, BootstrapArgs
from components.deletion import delete_departed
from components.live_cluster import LiveCluster
from components.orphaned_resources import OrphanedResources
from components.provider import cluster_provider
from components.replacement import after_deletion
from components.writing import Writing, with_forced_replacements
from gitops.application import ApplicationSpec, Destination, Source
from gitops.application_order import ApplicationOrder
from gitops.application_target import ApplicationTarget
from gitops.decision import Run
from gitops.errors import HomeOpsError
from gitops.ignoring.partial import FIELD_MANAGER
from gitops.inventory import InventoryObject
from gitops.prune import Decision, PruneAction


async def declare(run: Run, cluster: LiveCluster, provider: pulumi.ProviderResource) -> None:
    """Register everything with the engine; what comes in waves, as wave after wave is healthy.

    Raises:
        pulumi.RunError: something is broken; every error is named, and all that is not broken has
            been registered.
    """
    run = _with_forced_replacements(run, cluster)
    options = pulumi.ResourceOptions(providers=[provider])
    projects = run.target.projects or run.settings.projects
    bootstrap_args = BootstrapArgs(
        settings=run.settings.bootstrap,
        projects=projects,
        inventory=run.inventory,
        partials=run.bootstrap_partials,
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
    await _declare_objects(applications, provided, run.target.order)
    failed = [each.error for each in applications if each.error and not each.is_broken]
    if not failed and not run.target.all_errors:
        failed += await delete_departed(
            run.departed,
            inventory=run.inventory,
            cluster=cluster,
            options=options,
            rules=run.settings.health_rules,
        )
    doomed = [*run.orphans, *run.passage.forgotten]
    if doomed and not failed:
        OrphanedResources("orphaned-resources", doomed, cluster, options)
    _report(run, failed)


async def _declare_objects(
    applications: Sequence[Application],
    provided: Mapping[object, pulumi.Resource],
    order: ApplicationOrder,
) -> None:
    by_name = {each.name: each for each in applications}

    def named(names: Sequence[str]) -> list[Application]:
        return [by_name[name] for name in names if name in by_name]

    await asyncio.gather(
        *(
            each.declare_objects(
                provided,
                After(
                    required=named(order.declared.get(each.name, ())),
                    preferred=named(order.inferred.get(each.name, ())),
                ),
            )
            for each in applications
        )
    )


def _with_forced_replacements(run: Run, cluster: LiveCluster) -> Run:
    forced = (
        with_forced_replacements(each, run.inventory, cluster, manager=FIELD_MANAGER)
        for each in run.target.applications
    )
    return replace(run, target=replace(run.target, applications=tuple(forced)))


def _application_sets(run: Run, options: pulumi.ResourceOptions) -> dict[str, ApplicationSet]:
    names = {
        *(each.name for each in run.settings.application_sets),
        *(each.spec.application_set for each in run.target.applications),
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
    kept, awaited = _kept(run), run.target.order.wanted
    replaces = any(target.replacements for target in run.target.applications)
    replacing = after_deletion(cluster) if replaces else None
    writing = Writing(
        cluster,
        run.inventory,
        lambda: cluster_provider(run.settings, server_side_apply=False),
    )
    for target in run.target.applications:
        args = ApplicationArgs(
            target=target,
            inventory=run.inventory,
            kept=kept.pop(target.spec.name, ()),
            held=run.passage.held,
            replacing=replacing,
            writing=writing,
            cluster=cluster,
            awaited=target.spec.name in awaited,
            health_rules=run.settings.health_rules,
        )
        parent = sets[target.spec.application_set]
        yield Application(target.spec.name, args, pulumi.ResourceOptions(parent=parent))
    for name, objects in sorted(kept.items()):
        parent = sets[objects[0].application_set]
        args = ApplicationArgs(
            target=ApplicationTarget(spec=_departed_spec(name, objects[0].application_set)),
            inventory=run.inventory,
            kept=objects,
            held=run.passage.held,
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


def _report(run: Run, failed: Sequence[HomeOpsError]) -> None:
    for warning in run.target.warnings:
        pulumi.log.warn(warning)
    for application in run.target.applications:
        for warning in application.warnings:
            pulumi.log.warn(warning)
    broken = {each.spec.name for each in run.target.applications if each.error}
    for stopped in run.passage.warnings:
        pulumi.log.warn(stopped)
    for note in run.passage.notes:
        pulumi.log.info(note)
    for decision in run.prune.decisions:
        silent = decision.object.application in broken or decision.object.key in run.passage.held
        if decision.action is not PruneAction.PRUNE and not silent:
            subject = decision.object.application or "bootstrap"
            pulumi.log.info(
                f"{subject}: {decision.object.key} stays in the cluster: {decision.reason}"
            )
    for orphan in run.orphans:
        pulumi.log.warn(
            f"{orphan.application}: {orphan.key} is in the cluster and in no state; it is not in "
            "Git any more and is deleted"
        )
    broken_ones = run.target.all_errors
    errors = (*broken_ones, *failed)
    if errors:
        lines = "\n".join(f"  {error}" for error in errors)
        one, many = ("directory", "directories") if broken_ones else ("Application", "Applications")
        raise pulumi.RunError(
            f"{len(errors)} {one if len(errors) == 1 else many} cannot be synced; "
            f"all other Applications are, and nothing is deleted in this run:\n{lines}"
        )

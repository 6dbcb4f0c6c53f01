"""What does a whole run declare?

Called by the composition root with everything decided: the bootstrap, and every Application in Git.
A run in which something is broken declares the rest and then fails, so that nothing is deleted in
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pulumi

from components.bootstrap import Bootstrap, BootstrapArgs, Rights, is_elsewhere
from components.live_cluster import LiveCluster
from components.parts import declare_part, refused
from gitops.decision import Run
from gitops.deployment.stack_names import is_definitions_stack, shard_index
from gitops.errors import HomeOpsError
from gitops.prune import PruneAction


async def declare(run: Run, cluster: LiveCluster, provider: pulumi.ProviderResource) -> None:
    """Register everything with the engine.

    Raises:
        pulumi.RunError: something is broken; every error is named, and all that is not broken has
            been registered.
    """
    options = pulumi.ResourceOptions(providers=[provider])
    if is_definitions_stack(pulumi.get_stack()):
        part = replace(run.part, retained=True)  # nothing but a confirmation deletes a definition
        _report(run, await declare_part(part, run.settings, cluster, options))
        return
    if shard_index(pulumi.get_stack()):  # what belongs to no Application is in the first
        _report(run, await declare_part(run.part, run.settings, cluster, options))
        return
    projects = run.target.projects or run.settings.projects
    bootstrap_args = BootstrapArgs(
        settings=run.settings.bootstrap,
        objects=run.bootstrap,
        projects=projects,
        inventory=run.inventory,
        partials=run.bootstrap_partials,
        kept=[
            each.object for each in run.prune.of(PruneAction.KEEP) if not each.object.application
        ],
    )
    Bootstrap("bootstrap", bootstrap_args, options)

    def grant(provided: Mapping[object, pulumi.Resource]) -> None:
        if any(is_elsewhere(each, run.settings.bootstrap) for each in run.bootstrap):
            Rights("rights", bootstrap_args, provided, options)

    failed = await declare_part(run.part, run.settings, cluster, options, provided=grant)
    _report(run, failed)


def _report(run: Run, failed: Sequence[HomeOpsError]) -> None:
    for warning in run.target.warnings:
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
    if errors := (*broken_ones, *failed):
        what = "directories/directory" if broken_ones else "Applications/Application"
        raise refused(errors, what)

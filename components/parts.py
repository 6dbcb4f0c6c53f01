"""In which order are the components of a run, or of a part of one, declared?

Called by the program with everything decided. Namespaces and definitions of all Applications come
before the objects that need them, and what has left Git is deleted when all others are synced.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import pulumi

from components.application import Application, ApplicationArgs
from components.application_set import ApplicationSet, ApplicationSetArgs
from components.awaiting import After, Earlier, Standing, not_applied
from components.deletion import delete_in_order, leave_deletions
from components.live_cluster import LiveCluster
from components.orphaned_resources import OrphanedResources
from components.provider import Providers
from components.replacement import after_deletion
from components.resources import Options, declare_kept
from components.writing import Way, Writing, with_forced_replacements
from gitops.application import ApplicationSpec, Destination, Source
from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.deployment.inventory import ORPHANED_RESOURCES, InventoryObject
from gitops.deployment.part import Part
from gitops.errors import HomeOpsError
from gitops.ignoring.partial import FIELD_MANAGER
from gitops.impersonation import ServiceAccount, last_account
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.ordering import provides
from gitops.prune import PruneAction


async def declare_part(
    part: Part,
    settings: Settings,
    cluster: LiveCluster,
    options: pulumi.ResourceOptions,
    *,
    provided: Callable[[Mapping[object, pulumi.Resource]], None] = lambda _: None,
) -> list[HomeOpsError]:
    """Register everything of a part; what comes in waves, as wave after wave is healthy.

    Args:
        part: what to register.
        settings: the stack's config.
        cluster: where gates look and hooks run.
        options: the provider.
        provided: told which namespaces and definitions there are, before what needs them.

    Returns:
        Why some of it was not registered. The run must then fail, or the engine would delete it.
    """
    providers = Providers(settings, _given(options))
    providers.prepare(part)
    part = _with_forced_replacements(part, cluster)
    sets = _application_sets(part, options)
    needed: dict[object, pulumi.Resource] = {}
    for application_set in sets.values():
        needed.update(application_set.namespaces)
    applications = list(_applications(part, settings, sets, cluster, providers))
    for application in applications:
        needed.update(application.provided)
    standing = _bystanders(part, applications, needed, providers)
    provided(needed)
    await _declare_objects(part, [*applications, *standing], needed)
    for warning in (text for each in part.applications for text in each.warnings):
        pulumi.log.warn(warning)
    failed = [each.error for each in applications if each.error and not each.is_broken]
    return failed or await _delete(part, applications, settings, cluster, options)


async def _delete(
    part: Part,
    applications: Sequence[Application],
    settings: Settings,
    cluster: LiveCluster,
    options: pulumi.ResourceOptions,
) -> list[HomeOpsError]:
    """Delete what the engine cannot, when all else is applied; why some of it was not."""
    deletions = part.deletions if part.deletes else ()
    deleted = {each.name for each in deletions}
    living = {each.spec.name for each in part.applications} - deleted
    await leave_deletions(living, part.inventory, options)
    failed: list[HomeOpsError] = []
    if deletions:
        failed = await delete_in_order(
            deletions,
            refused=await _not_whole(applications),
            inventory=part.inventory,
            cluster=cluster,
            options=options,
            rules=settings.health_rules,
        )
    if part.doomed and not failed:
        OrphanedResources(ORPHANED_RESOURCES, part.doomed, cluster, options, users=_users(part))
    return failed


def _users(part: Part) -> dict[str, str]:
    """As whom each Application is synced, or was, if not as whoever runs the program."""
    names = part.inventory.application_inputs
    accounts = {
        **{name: last_account(part.inventory, name) for name in names},
        **{each.spec.name: each.account for each in part.applications if each.error is None},
    }
    return {name: account.user for name, account in accounts.items() if account}


async def _not_whole(applications: Iterable[Application]) -> list[str]:
    """The Applications of which something was refused, once everything has been tried."""
    return [each.name for each in applications if await not_applied(each.objects)]


def refused(errors: Sequence[HomeOpsError], what: str) -> pulumi.RunError:
    """How a run ends in which something could not be synced.

    Args:
        errors: one for each.
        what: what they are, in the plural and in the singular, with a slash between.
    """
    many, one = what.split("/")
    lines = "\n".join(f"  {error}" for error in errors)
    return pulumi.RunError(
        f"{len(errors)} {one if len(errors) == 1 else many} cannot be synced; "
        f"all other Applications are, and nothing is deleted in this run:\n{lines}"
    )


async def _declare_objects(
    part: Part,
    applications: Sequence[Application | _Bystander],
    provided: Mapping[object, pulumi.Resource],
) -> None:
    by_name: dict[str, Earlier] = {each.name: each for each in applications}

    def named(names: Sequence[str]) -> list[Earlier]:
        return [by_name[name] for name in names if name in by_name]

    await asyncio.gather(
        *(
            each.declare_objects(
                provided,
                After(
                    required=named(part.order.declared.get(each.name, ())),
                    preferred=named(part.order.inferred.get(each.name, ())),
                ),
            )
            for each in applications
            if isinstance(each, Application)
        )
    )


def _with_forced_replacements(part: Part, cluster: LiveCluster) -> Part:
    forced = (
        with_forced_replacements(each, part.inventory, cluster, manager=FIELD_MANAGER)
        for each in part.applications
    )
    return replace(part, applications=tuple(forced))


def _application_sets(part: Part, options: pulumi.ResourceOptions) -> dict[str, ApplicationSet]:
    return {
        name: ApplicationSet(
            name,
            ApplicationSetArgs(
                namespaces=[each for each in part.namespaces if each.application_set == name],
                inventory=part.inventory,
            ),
            options,
        )
        for name in part.sets
    }


def _applications(
    part: Part,
    settings: Settings,
    sets: Mapping[str, ApplicationSet],
    cluster: LiveCluster,
    providers: Providers,
) -> Iterable[Application]:
    kept, awaited = _kept(part), part.order.wanted
    replaces = any(target.replacements for target in part.applications)
    replacing = after_deletion(cluster) if replaces else None
    writing = Writing(
        cluster, part.inventory, lambda each: providers.of(each, server_side_apply=False)
    )
    for target in part.applications:
        args = ApplicationArgs(
            target=target,
            inventory=part.inventory,
            kept=kept.pop(target.spec.name, ()),
            held=part.held,
            leaving=part.leaving,
            retained=part.retained,
            replacing=replacing,
            writing=writing,
            cluster=cluster,
            awaited=target.spec.name in awaited,
            health_rules=settings.health_rules,
        )
        account = target.account
        if target.error is not None or target.stopped:  # left exactly as it was
            account = last_account(part.inventory, target.spec.name)
        own = pulumi.ResourceOptions(
            parent=sets[target.spec.application_set], providers=_inherited(providers, account)
        )
        yield Application(target.spec.name, args, own)
    for name, objects in sorted(kept.items()):
        parent = sets[objects[0].application_set]
        args = ApplicationArgs(
            target=ApplicationTarget(spec=_departed_spec(name, objects[0].application_set)),
            inventory=part.inventory,
            kept=objects,
            held=part.held,
            departed=True,
        )
        account = last_account(part.inventory, name)
        own = pulumi.ResourceOptions(parent=parent, providers=_inherited(providers, account))
        yield Application(name, args, own)


def _given(options: pulumi.ResourceOptions) -> pulumi.ProviderResource | None:
    given = options.providers or ()
    return next(iter(given.values() if isinstance(given, Mapping) else given), None)


def _inherited(
    providers: Providers, account: ServiceAccount | None
) -> list[pulumi.ProviderResource] | None:
    """The provider of an Application's objects, where it is not that of everything else."""
    return [providers.of(account)] if account else None


class _Bystander(Standing):
    def __init__(self, name: str, last: Sequence[pulumi.Resource]) -> None:
        super().__init__(name, last)
        self.name = name


def _bystanders(
    part: Part,
    applications: Sequence[Application],
    provided: dict[object, pulumi.Resource],
    providers: Providers,
) -> list[_Bystander]:
    """Register what objects of the part depend on and what is no target of this run.

    The engine then leaves it as it is, its parent included, and puts it before what depends on it.
    Its own parent need not be there: a URN holds the kinds of parents alone.
    """
    if not part.bystanders:
        return []
    declared: dict[ResourceKey, pulumi.Resource] = {}
    for found in part.bystanders:
        way = Way(provider=providers.last(found.provider))
        stub = declare_kept(found, Options(parent=applications[0], way=way))
        declared[found.key] = stub
        need = provides(Manifest.from_body(dict(found.body)))
        if need is not None:
            provided.setdefault(need, stub)
    return [
        _Bystander(name, [declared[key] for key in keys]) for name, keys in part.standing.items()
    ]


def _kept(part: Part) -> dict[str, list[InventoryObject]]:
    kept: dict[str, list[InventoryObject]] = defaultdict(list)
    for decision in part.prune.of(PruneAction.KEEP):
        if decision.object.application:
            kept[decision.object.application].append(decision.object)
    return kept


def _departed_spec(name: str, application_set: str) -> ApplicationSpec:
    return ApplicationSpec(
        name=name,
        category="",
        application_set=application_set,
        project="",
        source=Source(path=""),
        destination=Destination(namespace=""),
    )

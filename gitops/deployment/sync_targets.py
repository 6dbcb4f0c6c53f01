"""By which exact URNs does the engine know a part of a run, and may it be run alone?

Called by the reconciler with what it hands over. The URNs are exact, because a pattern would match
objects of others, and complete, because what is registered and no target is not created, and what
is neither stays in the state.

The engine takes everything that depends on a target, or stands under it, for something it may have
to delete, and refuses when that is not among the targets (determineAllowedResourcesToDelete in its
step generator). So a target others depend on, such as a namespace, must not be one: as long as it
does not change, it is registered and left alone. Where it changes, everything has to be run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gitops.application_target import ApplicationTarget
from gitops.command_plugin import COMMAND_TYPE, command_names
from gitops.deployment.incremental import Restricted
from gitops.deployment.inventory import (
    APPLICATION_SET_TYPE,
    APPLICATION_TYPE,
    DELETION_TYPE,
    ORPHANED_RESOURCES,
    ORPHANED_RESOURCES_TYPE,
    PROJECT,
    WAVE_TYPE,
    Inventory,
)
from gitops.deployment.part import Part
from gitops.deployment.unchanged import unchanged
from gitops.impersonation import last_account
from gitops.objects.manifest import Manifest, ResourceKey, SyncPhase
from gitops.prune import PruneAction
from gitops.syncing.deletion import deletion_hooks, deletion_hooks_of
from gitops.syncing.stages import gates, sync_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The targets of a run, and with them all it registers.

    ``everything`` says why everything has to be run instead; empty when it need not.
    """

    urns: frozenset[str] = frozenset()
    registered: frozenset[str] = frozenset()
    everything: str = ""


def sync_targets(
    restricted: Restricted,
    inventory: Inventory,
    *,
    elsewhere: Iterable[ResourceKey],
    stack: str,
) -> Targets:
    """The targets of a run that declares a part.

    Args:
        restricted: the part.
        inventory: the last deployment, all of it.
        elsewhere: what Applications that are not in the part render.
        stack: the stack's short name.
    """
    urns = Urns(stack, inventory)
    part = restricted.part
    for key in elsewhere:
        found = inventory.objects.get(key)
        if found is not None and found.application in restricted.names:
            return Targets(everything=f"{key} moves to an Application that is not synced")
    declared = {**urns.declared(part)}
    wanted = {*declared, *urns.before(restricted.names), *urns.over()}
    known = inventory.edges.keys()
    registered = wanted | _bystanders(part)
    escaping = _escaping(inventory, registered) & wanted
    for urn in sorted(escaping):
        if urn not in declared or not declared[urn]:
            return Targets(everything=f"others depend on {_shown(urn)}, which changes")
    return Targets(
        urns=frozenset(each for each in wanted - escaping if _exists(each, declared, known)),
        registered=frozenset(registered),
    )


def application_urns(
    applications: Iterable[ApplicationTarget],
    inventory: Inventory,
    names: Collection[str],
    *,
    stack: str,
) -> frozenset[str]:
    """The URNs of some Applications and of everything they have or had and no other has now, gates
    and commands that a run of everything may declare for them included: a gate would run their
    hooks, and one without its Application makes a state that nothing can read.

    Args:
        applications: all Applications in Git.
        inventory: the last deployment.
        names: the Applications.
        stack: the stack's short name.
    """
    urns = Urns(stack, inventory)
    beside, own, others = set[str](), set[str](), set[str]()
    for each in applications:
        held = each.spec.name in names
        (own if held else others).update(
            urn for manifest in each.manifests for urn in urns.of_object(manifest)
        )
        beside.update(urns.beside(each) if held else ())
    # what has moved from one of them to another Application is that one's now
    return frozenset({*urns.before(names)} - others | own | beside)


def _bystanders(part: Part) -> set[str]:
    return {each.urn for each in part.bystanders}


def _exists(urn: str, declared: Collection[str], known: Collection[str]) -> bool:
    # the engine refuses targets that are neither in its state nor registered
    return urn in declared or urn in known


def _escaping(inventory: Inventory, inside: Collection[str]) -> set[str]:
    """Everything that something outside depends on, or stands under."""
    waiting = [urn for urn in inventory.edges if urn not in inside]
    found: set[str] = set()
    while waiting:
        for needed in inventory.edges.get(waiting.pop(), ()):
            if needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found


def _shown(urn: str) -> str:
    kinds, name = urn.split("::", 3)[2:]
    return f"{kinds.rpartition('$')[2].rpartition(':')[2]} {name}"


class Urns:
    """The URNs of one stack.

    Args:
        stack: its short name.
        inventory: its last deployment.
    """

    def __init__(self, stack: str, inventory: Inventory) -> None:
        self._inventory = inventory
        start = f"urn:pulumi:{stack}::{PROJECT}::"
        self._start = start
        self._under_set = f"{start}{APPLICATION_SET_TYPE}$"
        self._under_application = f"{start}{APPLICATION_SET_TYPE}${APPLICATION_TYPE}$"

    def declared(self, part: Part) -> Mapping[str, bool]:
        """What a part declares, and whether that may also be left as it is in the last deployment.

        Where an object is known by another URN, that one is named as well.
        """
        return dict(self._declared(part))

    def _declared(self, part: Part) -> Iterator[tuple[str, bool]]:
        for name in part.sets:
            yield f"{self._start}{APPLICATION_SET_TYPE}::{name}", True
        for namespace in part.namespaces:
            manifest = Manifest.from_body(dict(namespace.body))
            same = self._is_unchanged(manifest, "")
            yield f"{self._under_set}{_token(manifest)}::{manifest.key.logical_name}", same
            yield from ((urn, same) for urn in self._inventory.urns.get(manifest.key, ()))
        for application in part.applications:
            yield from self._application(application, part)
        for each in part.deletions:
            yield self._deletion(each.name), False
        if part.doomed:
            yield f"{self._start}{ORPHANED_RESOURCES_TYPE}::{ORPHANED_RESOURCES}", False

    def _application(
        self, application: ApplicationTarget, part: Part
    ) -> Iterator[tuple[str, bool]]:
        name = application.spec.name
        # left as it is, its digest is out of date, which nothing reads; its hooks are read
        same_hooks = deletion_hooks(application) == deletion_hooks_of(self._inventory, name)
        same_account = application.account == last_account(self._inventory, name)
        yield f"{self._under_set}{APPLICATION_TYPE}::{name}", same_hooks and same_account
        for manifest in application.manifests:
            same = same_account and self._is_unchanged(manifest, name)
            yield from ((urn, same) for urn in self.of_object(manifest))
        kept = [
            each.object
            for each in part.prune.of(PruneAction.KEEP)
            if each.object.application == name
        ]
        for found in kept:
            yield found.urn, True
        awaited = name in part.order.wanted
        plan = sync_plan(application.manifests, application.hooks, kept=kept, awaited=awaited)
        for gate in gates(plan):
            yield f"{self._under_application}{WAVE_TYPE}::{name}/{gate}", False
        for command in command_names(application):
            yield f"{self._under_application}{COMMAND_TYPE}::{command}", False

    def _is_unchanged(self, manifest: Manifest, application: str) -> bool:
        last = self._inventory.objects.get(manifest.key)
        return (
            last is not None and last.application == application and unchanged(manifest, last.body)
        )

    def beside(self, application: ApplicationTarget) -> Iterator[str]:
        """Every gate that an Application can have, and its commands."""
        name = application.spec.name
        waves = {
            *(each.wave for each in application.manifests),
            *(each.wave for each in application.hooks),
        }
        gates = (SyncPhase.PRE_SYNC, SyncPhase.POST_SYNC, *(f"wave={each}" for each in waves))
        for gate in gates:
            yield f"{self._under_application}{WAVE_TYPE}::{name}/{gate}"
        for command in command_names(application):
            yield f"{self._under_application}{COMMAND_TYPE}::{command}"

    def of_object(self, manifest: Manifest) -> Iterator[str]:
        """The URN of an object of an Application, and those it is known by."""
        yield f"{self._under_application}{_token(manifest)}::{manifest.key.logical_name}"
        yield from self._inventory.urns.get(manifest.key, ())

    def before(self, names: Iterable[str]) -> Iterator[str]:
        """What Applications had, they themselves, and what would be deleted of them."""
        for name in names:
            yield from self._inventory.members.get(name, ())
            yield f"{self._under_set}{APPLICATION_TYPE}::{name}"
            yield self._deletion(name)

    def over(self) -> Iterator[str]:
        """The deletions of Applications that an earlier run has deleted."""
        for name in self._inventory.deletions.keys() - self._inventory.application_inputs.keys():
            yield self._deletion(name)

    def _deletion(self, application: str) -> str:
        return f"{self._start}{DELETION_TYPE}::{application}"


def _token(manifest: Manifest) -> str:
    version = manifest.api_version
    module = version if "/" in version else f"core/{version}"
    return f"kubernetes:{module}:{manifest.key.kind}"

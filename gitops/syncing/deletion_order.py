"""Which deletions does the program do itself, because the engine has no order for them?

Called once per run with everything that is pruned; done by ``components.deletion``. The engine
deletes when the program has ended: after that nobody is left to run a hook, it knows an order only
between objects that depend on each other directly, and it does not wait until a workload has gone.
So what goes in several waves, or between hooks, is deleted by the program.
Source: ArgoCD, "Sync Phases and Waves" (pruning in reverse order of waves, each gone before the
next begins), "Sync Options" (PruneLast).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.errors import ManifestError
from gitops.impersonation import last_account
from gitops.objects.manifest import Manifest
from gitops.ordering import provides
from gitops.prune import Decision, PruneAction
from gitops.syncing.deletion import departed_target
from gitops.syncing.options import ObjectOptions, object_options
from gitops.syncing.waves import reverse_for_deletion

Step = tuple[InventoryObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedDeletion:
    """What goes of one Application.

    Args:
        target: the Application and the hooks of its deletion, which only one that has left Git has.
        steps: the objects, each step gone before the next begins.
        after: the Applications whose deletions come before.
    """

    target: ApplicationTarget
    steps: tuple[Step, ...]
    after: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The Application's name."""
        return self.target.spec.name

    @property
    def objects(self) -> tuple[InventoryObject, ...]:
        """All that is deleted."""
        return tuple(each for step in self.steps for each in step)


def ordered_deletions(
    inventory: Inventory,
    decisions: Iterable[Decision],
    *,
    applications: Iterable[ApplicationTarget],
) -> list[OrderedDeletion]:
    """The deletions of a run that the engine cannot do.

    An Application that has left Git and of which everything stays (preserved, or held by the prune
    gate) is not deleted, so none of its hooks runs.

    Args:
        inventory: the last deployment.
        decisions: what becomes of every object that is not rendered any more.
        applications: those in Git.
    """
    living = {each.spec.name: _without_objects(each, inventory) for each in applications}
    pruned = _pruned(decisions)
    emptied = inventory.application_inputs.keys() - inventory.applications.keys() - living.keys()
    targets = {n: living.get(n) or departed_target(inventory, n) for n in {*pruned, *emptied}}
    waves = {name: _waves(pruned.get(name, ()), target) for name, target in targets.items()}
    needs = _needs(pruned, inventory)
    chosen = {name for name, each in targets.items() if each.hooks or len(waves[name]) > 1}
    # whoever needs one of these is deleted before it, and the engine would come too late
    chosen |= {name for name in pruned if needs[name] & chosen}
    return [
        OrderedDeletion(
            target=targets[name],
            steps=tuple(step for wave in waves[name] for step in _steps(wave)),
            after=_before(name, chosen, needs),
        )
        for name in sorted(chosen)
    ]


def _pruned(decisions: Iterable[Decision]) -> dict[str, list[InventoryObject]]:
    pruned: dict[str, list[InventoryObject]] = {}
    for each in decisions:
        if each.action is PruneAction.PRUNE and each.object.application:
            pruned.setdefault(each.object.application, []).append(each.object)
    return pruned


def _waves(objects: Iterable[InventoryObject], target: ApplicationTarget) -> list[Step]:
    known = {each.key: each for each in objects}
    manifests = [replace(Manifest.from_body(dict(e.body)), key=key) for key, e in known.items()]
    last = [key for key, each in known.items() if _options(each, target).prune_last]
    order = reverse_for_deletion(manifests, prune_last=last)
    waves = (*(wave.manifests for wave in order.waves), order.last)
    return [tuple(known[each.key] for each in wave) for wave in waves if wave]


def _steps(wave: Step) -> Iterator[Step]:
    """A wave, namespaces and definitions apart: they take what needs them with them."""
    needed = tuple(each for each in wave if provides(Manifest.from_body(dict(each.body))))
    others = tuple(each for each in wave if each not in needed)
    yield from (step for step in (others, needed) if step)


def _without_objects(target: ApplicationTarget, inventory: Inventory) -> ApplicationTarget:
    # what goes is deleted as whom it was applied, as the engine does
    return ApplicationTarget(
        spec=target.spec,
        default_options=target.default_options,
        account=last_account(inventory, target.spec.name),
    )


def _options(found: InventoryObject, target: ApplicationTarget) -> ObjectOptions:
    try:
        return object_options(found.body, target.spec.sync_policy)
    except ManifestError:  # of an earlier version of this program
        return target.default_options


def _needs(
    pruned: Mapping[str, Iterable[InventoryObject]], inventory: Inventory
) -> dict[str, set[str]]:
    """The Applications whose pruned objects those of each depend on, directly or not."""
    owners = {each.urn: name for name, objects in pruned.items() for each in objects}
    direct = {
        name: {
            owners[needed]
            for each in objects
            for needed in inventory.edges.get(each.urn, ())
            if owners.get(needed, name) != name
        }
        for name, objects in pruned.items()
    }
    return {name: _reached(name, direct) for name in direct}


def _reached(name: str, direct: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*direct[name]]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += direct[each]
    return found


def _before(name: str, chosen: Iterable[str], needs: Mapping[str, set[str]]) -> tuple[str, ...]:
    # definitions and their users may be spread so that two need each other: then none waits
    own = needs.get(name, ())
    found = (each for each in chosen if name in needs.get(each, ()) and each not in own)
    return tuple(sorted(found))

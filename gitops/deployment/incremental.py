"""What of a run has to be declared so that only some Applications are synced?

Called by the reconciler with everything decided, before it hands that part over to the program. The
engine leaves alone what is neither registered nor among its targets, so the work is in proportion
to what has changed. What the part depends on must be known to the engine all the same: these are
its ``bystanders``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitops.application_order import waits_in_vain
from gitops.application_target import ApplicationTarget
from gitops.decision import Run
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.deployment.part import Part
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.scope import is_crd
from gitops.ordering import provides
from gitops.prune import Decision, PruneAction, PrunePlan
from gitops.syncing.stages import sync_plan

CLIENT_SIDE = "-client-side::"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restricted:
    """A part of a run.

    Args:
        part: what is declared.
        names: the Applications that are synced.
        departed: those of them that are no longer in Git.
        left_out: those that were wanted and cannot be synced, each with the reason.
        waiting: those whose deletions have to wait, each with the reason; one that has left Git
            waits altogether.
    """

    part: Part
    names: frozenset[str]
    departed: frozenset[str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)


def restrict(run: Run, wanted: Collection[str]) -> Restricted:
    """The part of a run that syncs some Applications.

    Args:
        run: everything, decided.
        wanted: the Applications to sync, those that have left Git among them.
    """
    return _Restriction(run, frozenset(wanted)).restricted()


class _Restriction:
    def __init__(self, run: Run, wanted: frozenset[str]) -> None:
        self._run = run
        self._inventory = run.inventory
        self._targets = {each.spec.name: each for each in run.target.applications}
        hold = run.target.holds_deletion
        self._waiting = {name: hold for name in wanted - self._targets.keys() if hold}
        self._left_out = self._refused(wanted - self._waiting.keys())
        names = wanted - self._left_out.keys() - self._waiting.keys()
        names |= self._emptied(names)
        self._names = names
        self._departed = names - self._targets.keys()
        self._applications = [each for name, each in self._targets.items() if name in names]
        self._decisions = self._decided()

    def restricted(self) -> Restricted:
        run = self._run
        needed = {each.key.namespace for app in self._applications for each in app.manifests}
        needed |= {each.spec.destination.namespace for each in self._applications}
        namespaces = [each for each in run.namespaces if each.name in needed]
        kept = [each.object for each in self._decisions if each.action is PruneAction.KEEP]
        sets = {
            *(each.spec.application_set for each in self._applications),
            *(each.application_set for each in namespaces),
            *(each.application_set for each in kept),
        }
        made = {each.name for each in namespaces}
        standing, lasts = self._standing()
        part = Part(
            sets=sorted(sets),
            applications=tuple(self._applications),
            order=run.target.order,
            inventory=self._own_inventory(),
            prune=PrunePlan(decisions=tuple(self._decisions)),
            namespaces=namespaces,
            deletions=[
                each
                for each in run.deletions
                if each.name in self._names and not run.target.all_errors
            ],
            doomed=[
                each
                for each in (*run.orphans, *run.passage.forgotten)
                if each.application in self._names
            ],
            bystanders=[*self._needs(made), *lasts],
            standing=standing,
        )
        return Restricted(
            part=part,
            names=self._names,
            departed=self._departed,
            left_out=self._left_out,
            waiting=self._waiting,
        )

    def _refused(self, wanted: frozenset[str]) -> dict[str, str]:
        """What cannot be synced at all: it is told, and the engine is not started for it."""
        run, refused = self._run, dict[str, str]()
        for name in sorted(wanted):
            target = self._targets.get(name)
            if stop := run.passage.gate.stopped.get(name):
                refused[name] = str(stop)
            elif source := run.passage.waiting.get(name):
                refused[name] = f"it waits for {source}, which the prune gate has stopped"
            elif target is not None and target.error is not None:
                refused[name] = str(target.error)
        while vain := self._in_vain(wanted - refused.keys(), refused):
            refused |= vain
        return refused

    def _in_vain(self, names: Iterable[str], refused: Mapping[str, str]) -> dict[str, str]:
        """The Applications that depend on one that is not synced."""
        found: dict[str, str] = {}
        for name in names:
            for needed in self._run.target.order.declared.get(name, ()):
                if needed in refused or (needed not in names and self._has_failed(needed)):
                    found[name] = str(
                        waits_in_vain(self._targets[name], self._targets[needed].subject)
                    )
        return found

    def _has_failed(self, name: str) -> bool:
        target = self._targets.get(name)
        own = {n: each for n, each in self._inventory.waves.items() if n.startswith(f"{name}/")}
        return target is not None and any(not each.passed for each in own.values())

    def _emptied(self, names: frozenset[str]) -> frozenset[str]:
        """The Applications that have left Git and whose objects have all become others'."""
        if self._run.target.errors:
            return frozenset()
        taken = {
            each.key
            for name in names
            if name in self._targets
            for each in self._targets[name].manifests
        }
        staying = {each.application for key, each in self._objects() if key not in taken}
        known = self._inventory.application_inputs.keys() - self._targets.keys()
        stopped = self._run.passage.gate.stopped
        return frozenset(known - staying - stopped.keys())

    def _objects(self) -> Iterable[tuple[ResourceKey, InventoryObject]]:
        return self._inventory.objects.items()

    def _decided(self) -> list[Decision]:
        decided = [
            each for each in self._run.prune.decisions if each.object.application in self._names
        ]
        hold = self._run.target.holds_deletion
        if not hold:
            return decided
        pruned = (each for each in decided if each.action is PruneAction.PRUNE)
        self._waiting |= {each.object.application: hold for each in pruned}
        return [
            replace(each, action=PruneAction.KEEP) if each.action is PruneAction.PRUNE else each
            for each in decided
        ]

    def _own_inventory(self) -> Inventory:
        known = self._inventory
        keys = {each.key for app in self._applications for each in app.manifests}
        keys |= {key for key, each in self._objects() if each.application in self._names}
        keys |= {key for key in known.objects if key.kind == "Namespace" and not key.group}
        return Inventory(
            objects={key: known.objects[key] for key in keys if key in known.objects},
            urns={key: known.urns[key] for key in keys if key in known.urns},
            application_inputs={
                name: each for name, each in known.application_inputs.items() if name in self._names
            },
            waves={
                name: each
                for name, each in known.waves.items()
                if name.partition("/")[0] in self._names
            },
            deletions={n: each for n, each in known.deletions.items() if n in self._names},
            unsynced=known.unsynced & self._names,
        )

    def _needs(self, made: Collection[str]) -> list[InventoryObject]:
        """The namespaces and definitions of others that objects of the part need."""
        own = {key for app in self._applications for key in (m.key for m in app.manifests)}
        gone = {each.object.key for each in self._decisions}
        wanted: set[object] = set()
        for application in self._applications:
            for each in (*application.manifests, *(h.manifest for h in application.hooks)):
                wanted |= {each.key.namespace, (each.key.group, each.key.kind)}
        return [
            replace(found, live={})
            for key, found in self._objects()
            if (key.kind == "Namespace" or is_crd(found.body))
            and key not in own | gone
            and key.name not in made
            and found.application
            and CLIENT_SIDE not in found.provider
            and provides(Manifest.from_body(dict(found.body))) in wanted
        ]

    def _standing(self) -> tuple[dict[str, tuple[ResourceKey, ...]], list[InventoryObject]]:
        """The Applications the part waits for and that are not in it, with their last objects."""
        order = self._run.target.order
        names = {each for name in self._names for each in order.awaited(name)} - self._names
        standing: dict[str, tuple[ResourceKey, ...]] = {}
        found: list[InventoryObject] = []
        for name in sorted(names & self._targets.keys()):
            last = self._last(self._targets[name])
            if last is not None:
                standing[name] = (last.key,)
                found.append(replace(last, live={}))
        return standing, found

    def _last(self, target: ApplicationTarget) -> InventoryObject | None:
        stages = sync_plan(target.manifests, target.hooks, awaited=True).stages
        members = [each for stage in stages[-1:] for each in stage.manifests]
        keys = [each.key for each in members if provides(each) is None]
        last = self._inventory.objects.get(keys[-1]) if keys else None
        return None if last is None or CLIENT_SIDE in last.provider else last

"""In which order are objects deleted?

Called with what a sync prunes and with everything an Application leaves behind. It is the order of
``gitops.ordering.plan`` backwards: the highest wave first, what others need last (ArgoCD, "Sync
Phases and Waves": "higher values first for deletion"; "Prune Last").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from gitops.objects.manifest import Manifest, ResourceKey, SyncPhase
from gitops.ordering import Wave, plan, provides


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionOrder:
    """The waves in which objects are deleted while the sync runs, and what is deleted at its very
    end (``PruneLast``), after everything else was applied and healthy."""

    waves: tuple[Wave, ...] = ()
    last: tuple[Manifest, ...] = ()


def reverse_for_deletion(
    manifests: Sequence[Manifest], *, prune_last: Collection[ResourceKey] = ()
) -> DeletionOrder:
    """Put objects that are deleted in order.

    A Namespace or CustomResourceDefinition is never deleted before an object that needs it: it
    takes that object with it. So one that an object of ``prune_last`` needs is deleted last, too.

    Args:
        manifests: the objects, with the waves they were applied in; their phases do not matter.
        prune_last: those for which PruneLast holds.
    """
    late = set(prune_last)
    needed = {need for each in manifests if each.key in late for need in _needs(each.key)}
    late |= {each.key for each in manifests if provides(each) in needed}
    waves = [_reversed(wave) for wave in reversed(_planned(manifests))]
    order = [(wave, *_divided(wave, late)) for wave in waves]
    return DeletionOrder(
        waves=tuple(replace(wave, manifests=early) for wave, early, _ in order if early),
        last=tuple(each for _, _, kept in order for each in kept),
    )


def _planned(manifests: Sequence[Manifest]) -> list[Wave]:
    return plan([replace(each, phase=SyncPhase.SYNC) for each in manifests])


def _reversed(wave: Wave) -> Wave:
    return replace(wave, manifests=tuple(reversed(wave.manifests)))


def _divided(
    wave: Wave, late: Collection[ResourceKey]
) -> tuple[tuple[Manifest, ...], tuple[Manifest, ...]]:
    early = tuple(each for each in wave.manifests if each.key not in late)
    return early, tuple(each for each in wave.manifests if each.key in late)


def _needs(key: ResourceKey) -> tuple[object, ...]:
    return (key.namespace, (key.group, key.kind))

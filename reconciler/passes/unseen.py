"""What has Git changed that no comparison with the cluster shows?

Called by the pass for Applications of which Git has another content than was synced last. That Git
no longer has a field shows in the cluster only where the API server knows that we applied it: not
inside of what is owned as a whole, as most lists of custom resources are and the versions of a
definition, and not in a definition that was updated, for the provider replaces those. What was
applied is in the state, and that is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.deployment.definitions import is_definition
from gitops.deployment.inventory import Inventory
from gitops.deployment.unchanged import unchanged
from gitops.errors import HomeOpsError
from gitops.records.record import SyncStatus
from reconciler.passes.deciding import Known

Unseen = Mapping[str, tuple[ObjectDrift, ...]]


def find_unseen(
    known: Mapping[str, Known],
    state: Callable[[], Inventory],
    definitions: Callable[[], Inventory] | None,
) -> tuple[dict[str, Known], Unseen]:
    """What is known of the Applications once the state was asked, and what it has shown of which.

    An Application about which the state had to be asked, and cannot be, is one that cannot be
    compared.

    Args:
        known: what is known of them.
        state: reads the last deployment; called only where there is doubt.
        definitions: reads that of the definitions, where they are in a stack of their own.
    """
    doubted = [e for e in known.values() if _is_doubtful(e, apart=definitions is not None)]
    if not doubted:
        return dict(known), {}
    try:
        found = unseen(doubted, _states(doubted, state, definitions))
    except HomeOpsError as error:
        broken = {
            e.name: replace(e, comparison=replace(e.comparison, error=error)) for e in doubted
        }
        return {**known, **broken}, {}
    return with_unseen(known, found), found


def with_unseen(known: Mapping[str, Known], found: Unseen) -> dict[str, Known]:
    """What is known of the Applications, with what the cluster does not show.

    Args:
        known: what is known of them.
        found: what the state has shown.
    """
    return {
        name: replace(each, comparison=_with(each.comparison, found.get(name, ())))
        for name, each in known.items()
    }


def unseen(doubted: Collection[Known], states: Sequence[Inventory]) -> Unseen:
    """The objects that were applied otherwise than Git has them now, by Application.

    Args:
        doubted: the Applications to look at.
        states: the last deployments that their objects may be in.
    """
    applied = {key: each.body for state in states for key, each in state.objects.items()}
    found = {
        each.name: tuple(
            ObjectDrift(key=manifest.key, api_version=manifest.api_version, why=Why.DIFFERENT)
            for manifest in (each.target.manifests if each.target else ())
            if manifest.key in applied and not unchanged(manifest, applied[manifest.key])
        )
        for each in doubted
    }
    return {name: drifts for name, drifts in found.items() if drifts}


def _states(
    doubted: Collection[Known],
    state: Callable[[], Inventory],
    definitions: Callable[[], Inventory] | None,
) -> list[Inventory]:
    manifests = [m for each in doubted if each.target for m in each.target.manifests]
    found = [state()] if manifests else []
    if definitions is not None and any(is_definition(each.key) for each in manifests):
        found.append(definitions())
    return found


def _with(comparison: Comparison, unseen: Sequence[ObjectDrift]) -> Comparison:
    if not unseen or comparison.error is not None:
        return comparison
    seen = {each.key for each in comparison.drifts}
    drifts = (*comparison.drifts, *(each for each in unseen if each.key not in seen))
    return replace(comparison, drifts=tuple(sorted(drifts, key=lambda each: each.key)))


def _is_doubtful(known: Known, *, apart: bool) -> bool:
    """Whether an Application may differ in what it does not seem to. Where it differs in something,
    all of it is synced but the definitions that are apart."""
    record, target = known.record, known.target
    if record is None or target is None or known.varies or known.broken:
        return False
    if record.digest in ("", target.digest):
        return False
    is_synced = known.comparison.status is SyncStatus.SYNCED
    return is_synced or (apart and any(is_definition(each.key) for each in target.manifests))

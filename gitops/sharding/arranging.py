"""Which Applications have to move to another shard's state?

Called by the reconciler with what Git says and the states of all shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitops.application import ApplicationSpec
from gitops.deployment.stack_names import shard_stack
from gitops.sharding.division import shard_of
from gitops.sharding.settings import Shards
from gitops.sharding.state import Document, States, applications_of, move


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """States in which every Application is where it has to be.

    ``first`` are those to write first, which have got something; ``then`` those that have let
    something go. Both by the number of the shard; ``moved`` are the Applications, each with the
    shards it left and came to.
    """

    first: Mapping[int, Document]
    then: Mapping[int, Document]
    moved: Mapping[str, tuple[int, int]]


def arranged(
    stack: str,
    specs: Iterable[ApplicationSpec],
    states: Mapping[int, Document],
    shards: Shards,
) -> Arranged:
    """Where everything goes.

    An Application that is not in Git stays where it is, as long as that shard exists: its objects
    are deleted from there. That of a shard which is no more goes to the first.

    Args:
        stack: the main stack's short name.
        specs: all Applications in Git.
        states: the states of all shards, also of those that are no more.
        shards: how the stack is to be divided.
    """
    wanted = {spec.name: shard_of(spec, shards) for spec in specs}
    found = {number: applications_of(state) for number, state in states.items()}
    moves: dict[tuple[int, int], set[str]] = {}
    for number, names in sorted(found.items()):
        for name in names:
            stays = number if number < shards.count else 0
            if (there := wanted.get(name, stays)) != number:
                moves.setdefault((number, there), set()).add(name)
    first = dict(states)
    leaving = {pair: frozenset(names) for pair, names in moves.items()}
    for (source, destination), names in leaving.items():
        both = _moved(stack, first, states[source], names, (source, destination))
        first[destination] = both.destination
    then = dict(first)
    for (source, destination), names in leaving.items():
        then[source] = _moved(stack, then, then[source], names, (source, destination)).source
    return Arranged(
        first={n: first[n] for _, n in sorted(moves)},
        then={n: then[n] for n, _ in sorted(moves)},
        moved={name: pair for pair, names in leaving.items() for name in names},
    )


def _moved(
    stack: str,
    states: Mapping[int, Document],
    source: Document,
    names: frozenset[str],
    pair: tuple[int, int],
) -> States:
    destination = states.get(pair[1], {})
    return move(
        States(source=source, destination=destination),
        names,
        source=shard_stack(stack, pair[0]),
        destination=shard_stack(stack, pair[1]),
    )

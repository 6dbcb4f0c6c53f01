"""Which Application is in which shard, and what of a target is one shard's?

Called by whoever decides a run, with everything composed: the checks of the whole tree are made in
every shard. An Application goes to the shard with the highest hash of both names (rendezvous
hashing; Thaler and Ravishankar, 1998), so that another count moves as few as possible. See
docs/adr/0013.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from gitops.application import ApplicationSpec
from gitops.application_order import in_order
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import shard_index
from gitops.errors import OwnershipError
from gitops.objects.manifest import ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.sharding.settings import ShardBy, Shards
from gitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A target divided.

    Args:
        whole: all Applications.
        own: the same with those of this shard alone.
        beside: the Applications of other shards, each with the number of its own.
        first: whether this is the first shard, which has what belongs to no Application.
    """

    whole: Target
    own: Target
    beside: dict[str, int] = field(default_factory=dict)
    first: bool = True

    @property
    def elsewhere(self) -> frozenset[ResourceKey]:
        """The objects in Git that other shards have."""
        return frozenset(each.key for app in self.others for each in app.manifests)

    @property
    def others(self) -> tuple[ApplicationTarget, ...]:
        """The Applications of other shards."""
        return tuple(each for each in self.whole.applications if each.spec.name in self.beside)


def shard_of(spec: ApplicationSpec, shards: Shards) -> int:
    """The number of the shard an Application is in."""
    if not shards.divided:
        return 0
    text = spec.category if shards.by is ShardBy.CATEGORY else spec.name
    return max(range(shards.count), key=lambda shard: _weight(text, shard))


def _weight(text: str, shard: int) -> bytes:
    return hashlib.sha256(f"{shard}/{text}".encode()).digest()


def is_divided(shards: Shards, stack: str) -> bool:
    """Whether a stack is one of several; a shard that is no more has nothing, and is one still."""
    return shards.divided or shard_index(stack) != 0


def divide(target: Target, shards: Shards, *, stack: str) -> Division:
    """What of a target belongs to a stack.

    Args:
        target: all Applications.
        shards: how the stack is divided.
        stack: the stack, or one of its shards.
    """
    if not is_divided(shards, stack):
        return Division(whole=target, own=target)
    index = shard_index(stack)
    numbers = {each.spec.name: shard_of(each.spec, shards) for each in target.applications}
    own = tuple(each for each in target.applications if numbers[each.spec.name] == index)
    # what is gone here may be there: a broken Application stops deletions in every shard
    broken = (e.error for e in target.applications if e.error and numbers[e.spec.name] != index)
    return Division(
        whole=target,
        own=replace(target, applications=own, errors=(*target.errors, *broken)),
        beside={name: number for name, number in numbers.items() if number != index},
        first=index == 0,
    )


def own_names(
    division: Division,
    names: Collection[str],
    *,
    state: Callable[[], Inventory],
    others: Callable[[], Iterable[Inventory]],
) -> frozenset[str]:
    """Which of some Applications are this shard's business, those that have left Git among them.

    One that has left Git belongs to the shard whose state has it; where none has, to the first.

    Args:
        division: what Git says.
        names: the Applications something was found of.
        state: reads the last deployment of this shard.
        others: reads those of the others.
    """
    departed = frozenset(names) - {each.spec.name for each in division.whole.applications}
    found = frozenset(names) - departed - division.beside.keys()
    if not departed:
        return found
    here = departed & applications_in(state())
    found |= here
    if division.first and departed - here:
        found |= departed.difference(here, *(applications_in(each) for each in others()))
    return found


def in_whole_order(
    targets: Iterable[ApplicationTarget], division: Division | None
) -> tuple[ApplicationTarget, ...]:
    """Applications of a shard as ``in_order`` leaves them among all others.

    Args:
        targets: those of the shard.
        division: the others; None where there are none.
    """
    own = list(targets)
    ordered = in_order([*own, *(division.others if division else ())])
    return tuple(ordered[: len(own)])


def own_live(
    live: Iterable[LiveObject], names: Collection[str], *, first: bool
) -> list[LiveObject]:
    """The live objects of some Applications; the first shard has those of none as well."""
    return [each for each in live if each.application in names or (first and not each.application)]


def applications_in(inventory: Inventory) -> frozenset[str]:
    """The Applications a state holds anything of."""
    return frozenset((*inventory.application_inputs, *inventory.applications))


def refuse_strangers(division: Division, inventory: Inventory, *, stack: str) -> None:
    """Stop where a state still has Applications that are another shard's now.

    They would look as if they had left Git.

    Raises:
        OwnershipError: there is such an Application.
    """
    strangers = sorted(applications_in(inventory) & division.beside.keys())
    if strangers:
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise OwnershipError(
            f"stack {stack}",
            f"its state has {strangers[0]}{more}, which another shard has to have now",
            remedy="run `gitops shards arrange`, as `gitops up` and every pass do",
        )

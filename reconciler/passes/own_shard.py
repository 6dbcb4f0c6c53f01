"""What of everything a pass sees is its own shard's?

Asked by the pass at every step. Git is composed whole, so that all checks of the whole tree are
made in every shard; compared, decided and synced is the shard's share. Where a stack is not
divided, that is everything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cluster.discovery import ClusterFacts
from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import main_stack, shard_index, shard_stack
from gitops.errors import OrderError
from gitops.objects.ownership import owner
from gitops.policy.decision import Action, Decision
from gitops.sharding.division import Division, divide, is_divided, own_live, own_names
from gitops.sharding.waiting import Beside, awaited_beside, waiting
from gitops.status.resource import ResourceStatus
from gitops.target import Target
from reconciler.passes.reading import LiveState
from reconciler.syncing.slices import read_ahead

Value = TypeVar("Value")
AGAIN = timedelta(seconds=15)


@dataclass(slots=True, kw_only=True)
class Sharing:
    """The share of one pass.

    Args:
        stack: the stack, or one of its shards.
        settings: the config of the commit.
        root: the tree of the commit.
        division: what Git says, once it is known; None where the stack is not divided.
    """

    stack: str
    settings: Settings
    root: Path
    division: Division | None = None
    _states: dict[int, Inventory] = field(default_factory=dict)
    _statuses: Mapping[str, Sequence[ResourceStatus]] = field(default_factory=dict)
    _namespaces: frozenset[str] = frozenset()
    _waits: bool = False

    @property
    def is_first(self) -> bool:
        """Whether what belongs to no Application is this shard's, too."""
        return shard_index(self.stack) == 0

    def divided(self, target: Target) -> Target:
        """The share of what Git has."""
        if not is_divided(self.settings.shards, self.stack):
            return target
        self.division = divide(target, self.settings.shards, stack=self.stack)
        return self.division.own

    def whole(self, target: Target) -> Target:
        """What Git has in all shards; the share where there is no other."""
        return self.division.whole if self.division else target

    def of_own(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What is known by Application, without those of other shards."""
        names = self._own(values.keys())
        return {name: value for name, value in values.items() if name in names}

    def live(self, found: LiveState) -> LiveState:
        """The share of what the cluster holds."""
        if self.division is None:
            return found
        awaited = awaited_beside(self.division)
        self._statuses = {n: each for n, each in found.statuses.items() if n in awaited}
        self._namespaces = frozenset(
            key.name for key in found.objects if key.kind == "Namespace" and not key.group
        )
        own = self._own(found.statuses.keys())
        others = found.statuses.keys() - own
        known = {each.application for each in found.owned if each.application} - others
        return replace(
            found,
            objects={key: e for key, e in found.objects.items() if owner(e) not in others},
            owned=own_live(found.owned, known, first=self.is_first),
            statuses={name: each for name, each in found.statuses.items() if name in own},
        )

    def waiting(
        self, decisions: Mapping[str, Decision], served: ClusterFacts
    ) -> dict[str, Decision]:
        """The decisions, without the syncs that another shard has to come before."""
        if self.division is None:
            return dict(decisions)
        wanted = {name for name, each in decisions.items() if each.action is Action.SYNC}
        found = waiting(
            self.division,
            wanted,
            Beside(
                statuses=self._statuses,
                served={(each.group, each.kind) for each in served.resources},
                namespaces=self._namespaces,
                state=self._state,
                rules=self.settings.ignore_differences,
            ),
        )
        self._waits = bool(found)
        left_out = {name: _left_out(decisions[name], error) for name, error in found.items()}
        return {**decisions, **left_out}

    def sooner(self, at: datetime | None) -> datetime | None:
        """When the next pass is due: soon, where something waits for another shard's.

        Args:
            at: when it would be due otherwise.
        """
        if not self._waits:
            return at
        soon = datetime.now(UTC) + AGAIN
        return min(at, soon) if at else soon

    def _own(self, names: Collection[str]) -> frozenset[str]:
        if self.division is None:
            return frozenset(names)
        others = (n for n in range(self.settings.shards.count) if n != shard_index(self.stack))
        return own_names(
            self.division,
            names,
            state=lambda: self._state(shard_index(self.stack)),
            others=lambda: map(self._state, others),
        )

    def _state(self, index: int) -> Inventory:
        if index not in self._states:
            name = shard_stack(main_stack(self.stack), index)
            self._states[index] = read_ahead(self.root, name).result()
        return self._states[index]


def _left_out(decision: Decision, error: OrderError) -> Decision:
    return replace(decision, action=Action.WAIT, reason=f"it {error.reason.partition(': ')[2]}")

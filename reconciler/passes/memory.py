"""What does a stack's reconciler know from earlier passes, besides its Applications?

Used by the pass. When everything was last run, and for which program and config; what a run that
was killed or failed has left; when the bootstrap was last healed. It is kept in the cluster
(``cluster.stack_memory``), and losing it costs one run of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cluster.connection import Connection
from cluster.stack_memory import read_memory, write_memory
from reconciler.passes.base import HEALED
from reconciler.passes.outcomes import FULL_RUN, SHARED, full_run_due
from reconciler.passes.running import KILLED

TRIED = "tried"
"""What the state did not have before everything was run for it: it is not run for that again."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """The memory of one stack, as far as a pass has read and written it.

    Args:
        connection: its cluster.
        namespace: the bootstrap's.
        stack: the stack's name.
        values: what it holds; nothing before it was read.
    """

    connection: Connection
    namespace: str
    stack: str
    values: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Learn what earlier passes have left.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        self.values = read_memory(self.connection, namespace=self.namespace, stack=self.stack)

    def write(self, values: Mapping[str, str]) -> None:
        """Remember exactly these values.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        write_memory(self.connection, values, namespace=self.namespace, stack=self.stack)
        self.values = values

    def forget(self, *names: str) -> None:
        """Remember everything but these; nothing is written where none of them was known.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        if any(name in self.values for name in names):
            self.write({name: each for name, each in self.values.items() if name not in names})

    def full_run_due(self, shared: str, *, every: timedelta, asked: bool) -> bool:
        """Whether everything the program declares has to be run.

        Args:
            shared: what is no Application's own now.
            every: how often that is due by itself; never when zero.
            asked: the pass is about what a person wants, and nothing else.
        """
        if asked and SHARED in self.values:
            return False  # the next pass of its own accord sees to that
        return full_run_due(self.values, shared, every=every, now=datetime.now(UTC))

    def was_for(self, shared: str) -> bool:
        """Whether the last run of everything was for the program and config there are now."""
        return self.values.get(SHARED) == shared

    def ran_everything(self, shared: str, *, left: str, healed: bool) -> None:
        """Remember that everything was run.

        Args:
            shared: what is no Application's own now.
            left: what it had to put right, where an earlier run or the state was the reason.
            healed: it has healed the bootstrap.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.write(
            {
                **self.values,
                SHARED: shared,
                FULL_RUN: now,
                **({TRIED: left} if left not in ("", KILLED) else {}),
                **({HEALED: now} if healed else {}),
            }
        )

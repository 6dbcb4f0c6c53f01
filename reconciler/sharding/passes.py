"""Which passes does ``gitops reconcile`` make of a stack that is divided?

Called by the command. In an Indexed Job every Pod makes that of one shard, which the number of its
index names (Kubernetes, "Jobs": completion mode); a command without one makes all, one after
another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from gitops.deployment.stack_names import shard_stack
from reconciler.passes.reconcile import Options, Reconciler
from reconciler.passes.report import Report

PATIENCE_SECONDS = 300.0
_AGAIN_SECONDS = 1.0


class Passes:
    """The passes of one shard, or of all.

    Args:
        options: of the main stack.
        shard: which shard; all when None.
    """

    def __init__(self, options: Options, shard: int | None) -> None:
        self._options, self._shard = options, shard
        self._reconcilers: dict[int, Reconciler] = {}
        self._open = ExitStack()
        self._first = self._of(shard or 0)
        self._reason = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    @property
    def interval(self) -> float:
        """The seconds from one pass to the next, as the config says."""
        return self._first.interval.total_seconds()

    def asked(self) -> str:
        """What somebody asked for last."""
        return self._first.asked()

    def end(self, reason: str) -> None:
        """End the pass that runs before it is done, and begin no other; from any thread."""
        self._reason = reason
        for each in tuple(self._reconcilers.values()):
            each.end(reason)

    def run(self) -> Iterator[Report]:
        """One pass of each, as it is done."""
        yield self._patient(self._first)
        if self._shard is None:
            for number in range(1, self._first.shards):
                if not self._reason:
                    yield self._patient(self._of(number))

    def _of(self, number: int) -> Reconciler:
        if number not in self._reconcilers:
            stack = shard_stack(self._options.stack, number)
            made = Reconciler(replace(self._options, stack=stack))
            self._reconcilers[number] = self._open.enter_context(made)
        return self._reconcilers[number]

    def _patient(self, reconciler: Reconciler) -> Report:
        """A pass, once the first shard has arranged the states; that is done in another process."""
        deadline = time.monotonic() + (PATIENCE_SECONDS if self._shard else 0)
        while True:
            report = reconciler.run()
            waits = report.held and reconciler.awaits_first and not self._reason
            if not waits or time.monotonic() > deadline:
                return report
            time.sleep(_AGAIN_SECONDS)

"""Is a pass to end before it is done?

Asked by the pass before everything it starts, and by the engine's command while it runs. Somebody
wants the process to end, or the stack's lease is lost: then nothing new is begun, and what runs is
ended as its own interrupt would end it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gitops.errors import HomeOpsError

_REMEDY = "the next pass goes on where this one ended"


class StoppedError(HomeOpsError):
    """A pass was ended before it was done."""


class Stop:
    """What ends one pass; safe to use from several threads.

    Args:
        stack: what errors are about.
    """

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.reason = ""
        self.lease_lost = False

    def ask(self, reason: str, *, lease_lost: bool = False) -> None:
        """End the pass.

        Args:
            reason: why, for people.
            lease_lost: whether the cluster is another run's from now on, also to remember in.
        """
        with self._lock:
            self.reason = self.reason or reason
            self.lease_lost |= lease_lost
            listeners, self._listeners = self._listeners, []
        for each in listeners:
            each()

    def check(self) -> None:
        """Go on only if nobody has asked to end.

        Raises:
            StoppedError: somebody has.
        """
        if self.reason:
            raise StoppedError(f"stack {self._stack}", f"stopped: {self.reason}", remedy=_REMEDY)

    def check_lease(self) -> None:
        """Go on only while the lease is held.

        Raises:
            StoppedError: it is lost.
        """
        if self.lease_lost:
            self.check()

    @contextmanager
    def told(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call something, once, if the pass is to end while the block runs."""
        with self._lock:
            asked = bool(self.reason)
            if not asked:
                self._listeners.append(listener)
        if asked:
            listener()
        try:
            yield
        finally:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

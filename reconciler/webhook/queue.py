"""When is a pass asked for, once deliveries say that something was pushed?

Run by the webhook receiver in a thread of its own. Deliveries come in bursts: the first of one
waits a moment for the others, and passes are not asked for faster than they can be made. The last
delivery is never lost: a pass that it asks for begins after it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from gitops.errors import ClusterError

SETTLING_SECONDS = 2.0
LEAST_SECONDS = 10.0
RETRY_SECONDS = 5.0


class Queue:
    """Asks for a pass some time after somebody wants one.

    Args:
        ask: asks for a pass.
        settling: how long to wait for more.
        least: how long to wait after a pass was asked for.
    """

    def __init__(
        self,
        ask: Callable[[], None],
        *,
        settling: float = SETTLING_SECONDS,
        least: float = LEAST_SECONDS,
    ) -> None:
        self._ask = ask
        self._settling = settling
        self._least = least
        self._changed = threading.Condition()
        self._is_wanted = False
        self._is_ending = False
        self._thread = threading.Thread(target=self._work, name="trigger", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def want(self) -> None:
        """Somebody wants a pass."""
        with self._changed:
            self._is_wanted = True
            self._changed.notify_all()

    def end(self) -> None:
        """Ask once more for what is still wanted, and end."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while self._take():
            done = self._asked()
            with self._changed:
                self._is_wanted |= not done
                if self._is_ending:
                    return
                self._wait(self._least if done else RETRY_SECONDS)

    def _take(self) -> bool:
        """Wait for somebody who wants a pass; False where nobody does and the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_wanted or self._is_ending)
            if self._is_wanted:
                self._wait(self._settling)
            wanted, self._is_wanted = self._is_wanted, False
            return wanted

    def _wait(self, seconds: float) -> None:
        self._changed.wait_for(lambda: self._is_ending, timeout=seconds)

    def _asked(self) -> bool:
        try:
            self._ask()
        except ClusterError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            return False
        return True

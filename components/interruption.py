"""What does a run say that is ended from outside?

Called by the composition root. Without ``--continue-on-error`` the engine interrupts the program as
soon as an object is refused, and it has reported why; a user who interrupts knows why. Python would
add a traceback through its event loop.
"""

from __future__ import annotations

import asyncio
import os
import signal

INTERRUPTED = 128 + signal.SIGINT


def end_quietly() -> None:
    """From now on an interrupt ends the process at once, with the exit code shells know."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, os._exit, INTERRUPTED)

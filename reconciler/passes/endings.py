"""Has somebody told this process to end?

Called by commands that run passes. Kubernetes and systemd send SIGTERM and kill a while later what
has not ended by then.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

REASON = "the process was told to end (SIGTERM)"


@contextmanager
def told_to_end(
    listener: Callable[[str], None],
    *,
    signals: Collection[signal.Signals] = (signal.SIGTERM,),
) -> Iterator[threading.Event]:
    """The event of being told to end while the block runs.

    Args:
        listener: called then, once and in a thread of its own, with the reason.
        signals: what tells it.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told  # only the main thread can ask for signals
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def listen() -> None:
        # Not in the handler: that may interrupt whoever holds the lock the event needs.
        if os.read(reader, 1) == b"\1":
            listener(REASON)
            told.set()

    thread = threading.Thread(target=listen, daemon=True, name="endings")
    thread.start()
    before = {each: signal.signal(each, lambda *_: os.write(writer, b"\1")) for each in signals}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
        thread.join()
        os.close(reader)

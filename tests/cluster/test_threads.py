"""Threads for the callbacks of an engine."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from cluster.threads import in_thread


def test_a_call_does_not_wait_for_the_threads_of_the_loop() -> None:
    """With every thread of the event loop blocked, as by registrations, it is made all the same."""
    done = threading.Event()

    async def main() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        blocked = loop.run_in_executor(None, done.wait, 60)
        found = await asyncio.wait_for(in_thread(str, 7), timeout=30)
        done.set()
        assert await blocked
        return found

    assert asyncio.run(main()) == "7"

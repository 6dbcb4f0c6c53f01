"""Where does a request wait for its answer that an engine's callback sends?

Called by everything that talks to a cluster from a resource hook. The event loop's own threads
will not do: the SDK has as many as the engine works in parallel, each blocked in a registration
until the hooks of that resource have run. Were all of them, a hook that needs one would wait for
ever.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
WORKERS = 16


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function in a thread that no registration can take."""
    call = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(), call)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="hook")

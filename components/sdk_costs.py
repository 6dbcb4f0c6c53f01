"""What does the Python SDK spend that a run like this does not need?

Called first by the composition root. Both figures are of a preview of 1,500 objects.
"""

from __future__ import annotations

import asyncio
import gc
import os

import pulumi

DEBUG_WANTED = "HOME_OPS_SDK_DEBUG"


def spare_sdk_costs() -> None:
    """Turn off debug messages and garbage collection for the length of this run.

    For every resource the SDK sends three debug messages, each a blocking call to the engine, which
    drops them unless it runs with `--debug`; the variable HOME_OPS_SDK_DEBUG keeps them.
    The collector goes over the SDK's hundreds of thousands of futures again and again and frees
    next to nothing: without it the program takes half the processor time and 10 MB more.
    """
    gc.disable()
    if not os.environ.get(DEBUG_WANTED):
        pulumi.log.debug = _dropped


async def registrations_begun() -> None:
    """Return when everything registered so far has begun to register; the program's last act.

    What has begun, the SDK awaits one after the other. Before that it knows of outputs only, and
    awaits those by going over all of them whenever one is ready: half of the processor time for
    1,500 objects, and with the square of their number more for more.
    """
    await asyncio.sleep(0)


def _dropped(*_message: object, **_options: object) -> None:
    """Take a message and send nothing."""

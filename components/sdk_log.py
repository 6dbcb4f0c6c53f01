"""How is the SDK kept from talking more than working?

Called first by the composition root. For every resource the Python SDK sends three debug messages,
each a blocking call to the engine, which drops them unless it runs with `--debug`: a third of the
program's time with 1,500 objects.
"""

from __future__ import annotations

import os

import pulumi

WANTED = "HOME_OPS_SDK_DEBUG"


def drop_debug_messages() -> None:
    """Send no debug messages from the SDK, unless the environment asks for them."""
    if not os.environ.get(WANTED):
        pulumi.log.debug = _dropped


def _dropped(*_message: object, **_options: object) -> None:
    """Take a message and send nothing."""

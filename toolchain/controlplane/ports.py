"""Which loopback port can the API server have?

Called by the supervisor. The port of the last run is kept when it is free.
"""

from __future__ import annotations

import random
import socket

# Below the range that systems take outgoing ports from, so that a stopped control plane finds its
# port free again.
_FIRST, _LAST = 20_000, 32_000


def choose(preferred: int | None) -> int:
    """A port nothing listens on: the preferred one if possible."""
    if preferred and _is_free(preferred):
        return preferred
    while True:
        port = random.randint(_FIRST, _LAST)
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""How is the engine run so that a killed pass holds up no later one?

Called by the pass, which holds the stack's lease. Before the engine starts, the cluster is told on
which machine it runs; a lock of Pulumi's that was taken there outlives only a pass that was killed,
for a living one would hold the lease. A person's own run takes the lock without the lease, so no
other lock is touched.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reconciler.sync import SyncRequest, sync

if TYPE_CHECKING:
    from reconciler.sync_results import SyncResult

RUNNING = "running"
_LOCK = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\) at ")


def run_sync(
    request: SyncRequest,
    memory: Mapping[str, str],
    remember: Callable[[Mapping[str, str]], None],
) -> SyncResult:
    """Sync, once more where a lock was in the way that belongs to nobody.

    Args:
        request: what to sync.
        memory: what the stack's reconciler remembers.
        remember: writes that.

    Raises:
        ToolError: the environment lacks what the engine needs.
        ClusterError: the cluster does not answer or refuses.
    """
    kept = {name: value for name, value in memory.items() if name != RUNNING}
    was_running = memory.get(RUNNING, "")
    remember({**kept, RUNNING: socket.gethostname()})
    result = sync(request)
    if is_stale(result.error, was_running):
        from reconciler import engine

        engine.cancel(request.root, request.stack)
        result = sync(request)
    remember(kept)
    return result


def is_stale(error: str, was_running: str) -> bool:
    """Whether an error is about a lock that a killed pass has left.

    Args:
        error: what the engine said.
        was_running: the machine a pass ran the engine on and never told that it had ended.
    """
    lock = _LOCK.search(error)
    if lock is None or not was_running or lock["host"] != was_running:
        return False
    return lock["host"] != socket.gethostname() or not _is_alive(int(lock["pid"]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

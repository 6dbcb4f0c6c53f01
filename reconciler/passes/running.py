"""How is the engine run so that a killed pass holds up no later one?

Called by the pass, which holds the stack's lease. Before the engine starts, the cluster is told on
which machine it runs; a lock of Pulumi's that was taken there since outlives only a run that was
killed, for a living pass would hold the lease. A person's own run takes the lock without the lease,
so no other lock is touched. What the cluster was told stays there until everything was run again.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.passes import processes
from reconciler.syncing.request import SyncRequest
from reconciler.syncing.staleness import left_over, unknown
from reconciler.syncing.sync import sync

if TYPE_CHECKING:
    from concurrent.futures import Future

    from gitops.deployment.inventory import Inventory
    from gitops.objects.manifest import ResourceKey
    from gitops.target import Target
    from reconciler.syncing.results import SyncResult

RUNNING, UNSURE = "running", "unsure"
KILLED = "a run of the engine was killed, so nobody knows what it has left"
_STACKS = 2
_PROGRAMS = ("pulumi", "gitops", "reconciler")
_LOCK = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>[-0-9T:.+Z]+)")
_STACK = re.compile(r"^stack (?P<stack>\S+): ", re.MULTILINE)


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
        StoppedError: it was to end before it began.
    """
    if request.stop is not None:
        request.stop.check()
    kept = {name: value for name, value in memory.items() if name != RUNNING}
    was_running = memory.get(RUNNING, "")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    running = ", ".join(filter(None, (was_running, f"{socket.gethostname()} {now}")))
    remember({**kept, RUNNING: running})
    result = sync(request)
    for _ in range(_STACKS):
        stack = stale_lock(result.error, was_running)
        if not stack:
            break
        from reconciler.engine import automation

        automation.cancel(request.root, stack)
        result = sync(request)
    if request.stop is not None:
        request.stop.check_lease()  # from then on it is another's to write
    if result.killed:
        remember({**kept, RUNNING: running})
    elif was_running and (_LOCK.search(result.error) or not result.full):
        remember({**kept, RUNNING: was_running})
    elif result.complete:
        remember({name: value for name, value in kept.items() if name != UNSURE})
    else:
        remember({**kept, UNSURE: "true"})
    return result


def stale_lock(error: str, was_running: str) -> str:
    """The stack whose lock a killed run has left; empty where it has not, or nobody can know.

    Args:
        error: what the engine said.
        was_running: the machines runs of passes were killed on, each with the time from which on.
    """
    locks, stack = list(_LOCK.finditer(error)), _STACK.search(error)
    if not locks or stack is None or not all(_is_stale(each, was_running) for each in locks):
        return ""
    return stack["stack"]


def _is_stale(lock: re.Match[str], was_running: str) -> bool:
    entries = (each.partition(" ") for each in was_running.split(", "))
    since = [at for host, _, at in entries if host == lock["host"]]
    if not any(_is_before(at, lock["at"]) for at in since):
        return False
    pid = int(lock["pid"])
    if lock["host"] != socket.gethostname() or pid == os.getpid():
        return True
    return not processes.runs(pid, _PROGRAMS)


def _is_before(since: str, at: str) -> bool:
    try:
        return not since or datetime.fromisoformat(since) <= datetime.fromisoformat(at)
    except ValueError:
        return False


def left_undone(
    memory: Mapping[str, str],
    synced: Collection[str],
    target: Target,
    state: Future[Inventory] | None,
    *,
    live: Collection[ResourceKey],
    separate_definitions: bool,
) -> str:
    """Why everything has to be run because of how an earlier run ended, or because the state was
    lost or is an older one; empty where it has not.

    Args:
        memory: what the stack's reconciler remembers.
        synced: the Applications that are what Git says and are not synced anyway.
        target: all Applications.
        state: the last deployment, where it is read: after a run that did not do everything, and
            wherever something is to be synced.
        live: what the cluster has of ours.
        separate_definitions: whether definitions are in a stack of their own.

    Raises:
        EngineError: the state cannot be read.
    """
    if memory.get(RUNNING):
        return KILLED
    if state is None:
        return ""
    last = state.result()
    if lost := unknown(synced, target, last, separate_definitions=separate_definitions):
        return f"the state does not have {_counted(lost)}, which the cluster has"
    if memory.get(UNSURE) and (over := left_over(synced, target, last, live)):
        return f"the state has {_counted(over)}, which neither Git nor the cluster has"
    return ""


def _counted(keys: Sequence[ResourceKey]) -> str:
    return f"{keys[0]}{f' and {len(keys) - 1} more' if len(keys) > 1 else ''}"

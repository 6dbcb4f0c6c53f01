"""How are all shards of a stack run, one beside the other?

Called by `gitops up`. The first shard goes first, as the others need what belongs to no
Application; what an Application of one shard waits for in another is run again when that is there.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import lease
from cluster.connection import Connection
from cluster.stack_cluster import connect_to
from cluster.stack_memory import ensure_namespace
from gitops.config import Settings
from gitops.deployment.stack_names import shard_stack
from gitops.errors import ClusterError, ConfigError
from gitops.sharding.waiting import WAITS
from reconciler.commands.project import stack_settings
from reconciler.engine.events import Event, changes_by_application
from reconciler.sharding import moving

if TYPE_CHECKING:
    from reconciler.engine.automation import Run

MEMORY = 1 << 30
"""What a run takes at most, as a rule; so many run at once as there is room for."""


def up(
    root: Path,
    stack: str,
    *,
    confirmed: Collection[str] = (),
    on_event: Callable[[Event], None] = lambda _: None,
) -> Run:
    """Apply a stack, all shards of it where it is divided, once their states are arranged.

    Args:
        root: the project's folder.
        stack: the main stack's name.
        confirmed: tokens of deletions that the prune gate lets through.
        on_event: told of every event as it happens, from other threads.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the program was never run.
        LeaseHeldError: states have to be arranged, and a shard is being synced.
    """
    from reconciler.engine import automation

    try:
        settings = stack_settings(root, stack)
        with connect_to(settings.kubernetes) as connection:
            _arrange(connection, settings, root, stack)
    except (ConfigError, ClusterError):
        # the run itself tells what is wrong with that
        return automation.up(root, stack, confirmed=confirmed, on_event=on_event)
    count = settings.shards.count
    return up_all(root, stack, count, confirmed=confirmed, on_event=on_event)


def _arrange(connection: Connection, settings: Settings, root: Path, stack: str) -> None:
    if moving.remembered(connection, settings, stack) == str(settings.shards):
        return
    namespace = settings.bootstrap.namespace
    ensure_namespace(connection, namespace)
    identity = f"gitops up {socket.gethostname()}/{os.getpid()}"
    with lease.held(connection, namespace=namespace, stack=stack, identity=identity):
        moving.prepare(connection, settings, root, stack, identity=identity)


def up_all(
    root: Path,
    stack: str,
    count: int,
    *,
    confirmed: Collection[str] = (),
    on_event: Callable[[Event], None] = lambda _: None,
) -> Run:
    """Apply all shards.

    Args:
        root: the project's folder.
        stack: the main stack's name.
        count: how many shards there are.
        confirmed: tokens of deletions that the prune gate lets through.
        on_event: told of every event as it happens, from other threads.

    Returns:
        What all of them did; the diagnostics are those of the last run of each.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the program was never run.
    """
    from reconciler.engine import automation

    def one(number: int) -> Run:
        return automation.up(
            root, shard_stack(stack, number), confirmed=confirmed, on_event=on_event
        )

    if count == 1:
        return one(0)
    started = time.perf_counter()
    every: list[Run] = []
    last: dict[int, Run] = {}
    for todo in ([0], list(range(1, count))):
        runs = _together(todo, one)
        every, last = [*every, *runs.values()], last | runs
    while any(map(_changed, runs.values())):  # else what waits does so for something that fails
        runs = _together([number for number, run in last.items() if _waits(run)], one)
        every, last = [*every, *runs.values()], last | runs
    result = automation.Run(
        steps=[step for run in every for step in run.steps],
        diagnostics=[each for _, run in sorted(last.items()) for each in run.diagnostics],
        succeeded=all(run.succeeded for run in last.values()),
    )
    result.seconds = time.perf_counter() - started
    return result


def at_once(count: int) -> int:
    """How many runs there is room for."""
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(count, os.cpu_count() or 1, memory // MEMORY))


def _waits(run: Run) -> bool:
    return any(WAITS in each.message for each in run.diagnostics)


def _changed(run: Run) -> bool:
    return any(each.changed for each in changes_by_application(run.steps).values())


def _together(numbers: Sequence[int], one: Callable[[int], Run]) -> dict[int, Run]:
    with ThreadPoolExecutor(at_once(len(numbers)), thread_name_prefix="shard") as pool:
        return dict(zip(numbers, pool.map(one, numbers), strict=True))

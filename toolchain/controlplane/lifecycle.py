"""Start, stop, reset and look at a control plane.

Called by the command line, by the tests and by whoever needs an API server. All of it works on a
directory: one directory is one control plane, and several run side by side.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from toolchain.controlplane import binaries, state
from toolchain.controlplane.errors import ControlPlaneError
from toolchain.controlplane.layout import Layout, write_json
from toolchain.controlplane.nodes import MOST_NODES
from toolchain.controlplane.state import Phase, Status
from toolchain.locks import exclusive

_START_SECONDS = 150.0
_STOP_SECONDS = 20.0
_STEP_SECONDS = 0.02
DEFAULT_NODES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """A running control plane.

    Args:
        kubeconfig: what to point KUBECONFIG at.
        server: the API server's address.
        directory: where it keeps its things.
        pid: its supervisor's process id.
        was_running: whether it ran before it was asked to start.
    """

    kubeconfig: Path
    server: str
    directory: Path
    pid: int
    was_running: bool = False


def start(
    directory: Path,
    *,
    nodes: int = DEFAULT_NODES,
    owner_pid: int | None = None,
    idle_seconds: float | None = None,
    tools: Iterable[Path] = (),
) -> ControlPlane:
    """Start a control plane and wait until pods can run; one that runs is left as it is.

    Args:
        directory: where it keeps its things; made when missing. What an earlier run stored there
            is served again, under the same address if the port is free, with the same token.
        nodes: how many nodes to play.
        owner_pid: a process whose end ends the control plane too.
        idle_seconds: how long nobody may use it before it ends by itself; for ever by default.
        tools: folders to look for its programs in, before the toolchain's and PATH.

    Raises:
        ControlPlaneError: a program is missing or failed; the reason holds the end of its log.
    """
    layout = Layout(directory.absolute())
    if not 1 <= nodes <= MOST_NODES:
        reason = f"cannot play {nodes} nodes"
        raise ControlPlaneError(layout.name, reason, remedy=f"ask for 1 to {MOST_NODES}")
    programs = binaries.find((*tools, *binaries.installed()))
    _create(layout)
    with exclusive(layout.command_lock):
        was_running = state.read(layout).phase in (Phase.STARTING, Phase.RUNNING)
        if was_running:
            _await_ready(layout)
        else:
            _stop(layout)  # one that is on its way out must be gone first
            settings = {
                "nodes": nodes,
                "owner_pid": owner_pid,
                "idle_seconds": idle_seconds,
                "binaries": programs,
            }
            write_json(layout.settings, settings)
            _launch(layout)
        return _running(layout, was_running=was_running)


def stop(directory: Path) -> bool:
    """Stop a control plane; what it stored stays.

    Args:
        directory: where it keeps its things.

    Returns:
        Whether it was running.
    """
    layout = Layout(directory.absolute())
    if not layout.directory.is_dir():
        return False
    with exclusive(layout.command_lock):
        return _stop(layout)


def reset(
    directory: Path,
    *,
    nodes: int = DEFAULT_NODES,
    owner_pid: int | None = None,
    idle_seconds: float | None = None,
    tools: Iterable[Path] = (),
) -> ControlPlane:
    """Stop a control plane, forget every object it stored, and start it again.

    Args and errors are those of ``start``. Token and kubeconfig stay.
    """
    layout = Layout(directory.absolute())
    stop(directory)
    if layout.data.is_dir():
        with exclusive(layout.command_lock):
            shutil.rmtree(layout.data)
    return start(
        directory, nodes=nodes, owner_pid=owner_pid, idle_seconds=idle_seconds, tools=tools
    )


def status(directory: Path) -> Status:
    """What a control plane is doing; one that was never started is stopped."""
    return state.read(Layout(directory.absolute()))


def _create(layout: Layout) -> None:
    try:
        layout.create()
    except OSError as error:
        remedy = "name a directory that can be written"
        raise ControlPlaneError(str(layout.directory), str(error), remedy=remedy) from error


def _launch(layout: Layout) -> None:
    """Start the supervisor, which detaches, and wait until it lets go of the pipe."""
    reader, writer = os.pipe()
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"}
    module = "toolchain.controlplane.supervisor"
    with os.fdopen(reader, "rb") as done:
        with (layout.logs / "supervisor.log").open("wb") as log:
            starter = subprocess.Popen(
                # -P: the working directory is not a place to import from; -S: nor are packages.
                [sys.executable, "-PSs", "-m", module, str(layout.directory), str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(writer,),
            )
        os.close(writer)
        starter.wait()
        select.select([done], [], [], _START_SECONDS)


def _await_ready(layout: Layout) -> None:
    """Wait for a supervisor that somebody else started and did not wait for."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if state.read(layout).phase is not Phase.STARTING:
            return
        time.sleep(_STEP_SECONDS)


def _running(layout: Layout, *, was_running: bool) -> ControlPlane:
    """The control plane if it runs, else the reason it does not."""
    current = state.read(layout)
    if current.phase is not Phase.RUNNING or current.pid is None:
        reason = current.reason or f"did not start (it is {current.phase})"
        remedy = f"the logs are in {layout.logs}; repair that and start it again"
        raise ControlPlaneError(layout.name, reason, remedy=remedy)
    return ControlPlane(
        kubeconfig=layout.kubeconfig,
        server=current.server,
        directory=layout.directory,
        pid=current.pid,
        was_running=was_running,
    )


def _stop(layout: Layout) -> bool:
    """End the supervisor and wait for it; it ends its children, and they end with it."""
    pid = state.supervisor_pid(layout)
    if pid is None:
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while state.supervisor_pid(layout) == pid:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(_STEP_SECONDS)
    return True

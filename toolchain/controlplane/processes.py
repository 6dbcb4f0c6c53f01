"""Starting and ending child processes so that none is ever left behind.

Called by the supervisor for its components and by the commands for the supervisor.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from toolchain.controlplane.components import Command

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_KILLED_TOGETHER = 128 + signal.SIGKILL


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start a component that cannot outlive this process.

    Must be called from the main thread: the kernel ties the child to the thread that made it.

    Args:
        command: what to start.
        log: takes its output; the log of the run before is kept as ``<log>.1``.
    """
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    environment |= {"HOME": str(command.working_directory), **command.environment}
    with log.open("wb") as output:
        return subprocess.Popen(
            command.arguments,
            cwd=command.working_directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own: Control-C in somebody's terminal is not for it.
            start_new_session=True,
            preexec_fn=_tie_to_parent(),
        )


def end(processes: Sequence[subprocess.Popen[bytes]], *, patience: float) -> None:
    """End children by their own process ids and wait until they are gone.

    Args:
        processes: the children, ended together.
        patience: seconds they get to leave by themselves; then they are killed.
    """
    alive = [process for process in processes if process.poll() is None]
    for process in alive:
        process.terminate()
    deadline = time.monotonic() + patience
    for process in alive:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Watched:
    """A process that is not ours, known by its id and its start, so that a reused id is no match.

    Args:
        pid: its id.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._born = _birth(pid)

    def is_alive(self) -> bool:
        """Whether that same process still runs; a zombie does not."""
        return self._born is not None and _birth(self._pid) == self._born


def _birth(pid: int) -> str | None:
    """When a process was started, in the kernel's ticks; None if it does not run."""
    if not sys.platform.startswith("linux"):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
        return "unknown"
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything, blanks too.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _tie_to_parent() -> Callable[[], None] | None:
    """What a new child does before it becomes its program: ask to be killed with its parent."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew
            os._exit(_KILLED_TOGETHER)

    return tie

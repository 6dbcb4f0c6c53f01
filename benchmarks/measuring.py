"""What does one command cost: seconds, processor seconds and memory, of itself and all it starts?

Called for every measured command. The processes are looked at through /proc every 50 ms.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

INTERVAL_SECONDS = 0.05
_NEW_HIGH = 1.01
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a command ended, what it said and what it cost."""

    exit_code: int
    output: str
    errors: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float
) -> Run:
    """Run a command to its end.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        environment: all variables it gets.
        timeout: seconds after which it and everything it started are killed.

    Returns:
        What it wrote and what it cost. Processor seconds are those the kernel has added up for the
        children that were waited for, or those seen in /proc where that is more.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as output,
        tempfile.TemporaryFile("w+", errors="replace") as errors,
    ):
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        tree = ProcessTree(process.pid)
        with _Watch(tree, deadline=time.monotonic() + timeout):
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                tree.kill()
                raise
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return Run(
            exit_code=process.returncode,
            output=output.read(),
            errors=errors.read(),
            seconds=seconds,
            cpu_seconds=max(usage.ru_utime + usage.ru_stime, tree.cpu_seconds),
            peak_bytes=max(tree.peak_bytes, usage.ru_maxrss * 1024),
        )


class ProcessTree:
    """A process and all its descendants, and the most memory they held at one moment.

    Memory is the proportional set size, in which a shared page counts once, where the kernel tells
    it, else the resident set size. Reading the former takes the kernel a while, so it is read only
    when the latter is higher than ever.
    """

    def __init__(self, root: int) -> None:
        self.peak_bytes = 0
        self._root = root
        self._members = {root}
        self._others: set[int] = set()
        self._cpu: dict[int, float] = {}
        self._highest = 0

    @property
    def cpu_seconds(self) -> float:
        """The processor seconds of all processes, as far as they were seen."""
        return sum(self._cpu.values())

    def sample(self) -> None:
        """Look at all processes once."""
        self._find()
        resident: dict[int, int] = {}
        for pid in tuple(self._members):
            found = _process(pid)
            if found is None:
                self._members.discard(pid)
            else:
                resident[pid] = found.resident_bytes
                self._cpu[pid] = found.cpu_seconds
        total = sum(resident.values())
        if total > self._highest * _NEW_HIGH:
            self._highest = total
            exact = sum(_proportional_bytes(pid) or size for pid, size in resident.items())
            self.peak_bytes = max(self.peak_bytes, exact)

    def kill(self) -> None:
        """Kill every process of the tree."""
        self._find()
        for pid in self._members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _find(self) -> None:
        present = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208
        self._others &= present
        fresh = {pid: _process(pid) for pid in present - self._members - self._others}
        while True:
            # a process whose parent ended before it was seen is known by its session
            found = {
                pid
                for pid, process in fresh.items()
                if process and (process.parent in self._members or process.session == self._root)
            }
            if not found:
                break
            self._members |= found
            fresh = {pid: process for pid, process in fresh.items() if pid not in found}
        self._others |= fresh.keys()


class _Watch:
    """Samples a tree until it is left; kills it when its time is over."""

    def __init__(self, tree: ProcessTree, *, deadline: float) -> None:
        self._tree = tree
        self._deadline = deadline
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            self._tree.sample()
            if time.monotonic() > self._deadline:
                self._tree.kill()
            if self._ended.wait(INTERVAL_SECONDS):
                return


def cpu_seconds(pids: Iterable[int]) -> float:
    """The processor seconds running processes have used so far."""
    return sum(found.cpu_seconds for pid in pids if (found := _process(pid)))


class _Process(NamedTuple):
    parent: int
    session: int
    cpu_seconds: float
    resident_bytes: int


def _process(pid: int) -> _Process | None:
    """What proc_pid_stat(5) says of a process; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - many, often
            content = file.read()
    except OSError:
        return None
    # the program's name comes first, in parentheses, and may hold blanks
    fields = content.rpartition(b")")[2].split()
    return _Process(
        parent=int(fields[1]),
        session=int(fields[3]),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        resident_bytes=int(fields[21]) * _PAGE,
    )


def _proportional_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb", buffering=0) as file:  # noqa: PTH123
            content = file.read()
    except OSError:
        return 0
    for line in content.splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0

"""Has the process that began something ended?

Called by the pass: the lease of a pass that was killed on this machine is taken over at once, and
Pulumi's lock where the run that took it has ended. Linux only; elsewhere nobody is known to have
ended, and a lease ends by itself.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

_PROC = Path("/proc")
_BOOT = _PROC / "sys/kernel/random/boot_id"
_STATE, _STARTED = 0, 19  # fields of /proc/<pid>/stat after the name: see proc(5)
_ENDED = ("Z", "X")


def own() -> str:
    """What tells this process from every other: the boot, the process namespace (a container's
    processes have numbers of their own), the number, and when it started."""
    return called(os.getpid())


def called(pid: int) -> str:
    """The same for another process."""
    space, started = _space(), _started(pid)
    return f"{space}/{pid}/{started}" if space and started else ""


def has_ended(process: str) -> bool:
    """Whether a process that called itself so has ended; False where that cannot be known."""
    space, _, rest = process.partition("/")
    pid, _, started = rest.partition("/")
    if not space or space != _space() or not pid.isdecimal():
        return False
    return _started(int(pid)) != started


def runs(pid: int, programs: Collection[str]) -> bool:
    """Whether a process of that number is there whose command names one of some programs, for
    numbers are used again. Without ``/proc`` any process of that number counts."""
    if not _BOOT.exists():
        return _exists(pid)
    try:
        command = (_PROC / str(pid) / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # one that is just being started has none yet
    return bool(_started(pid)) and (not command or any(each in command for each in programs))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _space() -> str:
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
        return f"{boot}:{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a living process started; empty when there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name, in parentheses, may hold blanks
    return "" if fields[_STATE] in _ENDED else fields[_STARTED]

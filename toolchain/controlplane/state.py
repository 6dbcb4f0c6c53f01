"""Is a control plane running, and if not, why?

The supervisor writes its state to a file; the commands read it. The supervisor's lock decides: a
state file can be left over from a process that was killed, a lock cannot.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from toolchain.controlplane.layout import Layout, read_json, write_json


class Phase(StrEnum):
    """What a control plane is doing."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is known about a control plane.

    Args:
        phase: what it is doing.
        reason: why it stopped or failed; empty while it runs.
        pid: the supervisor's process id; None when there is none.
        server: the API server's address, of the last run when it is stopped.
        started_at: when the supervisor started, in seconds since 1970.
        ready_after: seconds it took to become ready.
        components: the process id of each component.
    """

    phase: Phase
    reason: str = ""
    pid: int | None = None
    server: str = ""
    started_at: float = 0.0
    ready_after: float = 0.0
    components: Mapping[str, int] = field(default_factory=dict)

    @property
    def uptime(self) -> float:
        """Seconds since the supervisor started; 0 when it does not run."""
        return time.time() - self.started_at if self.pid else 0.0


def read(layout: Layout) -> Status:
    """What a control plane is doing now; one that was never started is stopped."""
    pid = supervisor_pid(layout)
    value = read_json(layout.state)
    phase = Phase(value.get("phase", Phase.STARTING if pid else Phase.STOPPED))
    reason = str(value.get("reason", ""))
    if pid is None and phase not in (Phase.STOPPED, Phase.FAILED):
        phase, reason = Phase.STOPPED, "the supervisor was killed"
    if not value and not pid:
        reason = "never started"
    return Status(
        phase=phase,
        reason=reason,
        pid=pid,
        server=str(value.get("server", "")),
        started_at=float(value.get("started_at", 0.0)),
        ready_after=float(value.get("ready_after", 0.0)),
        components=dict(value.get("components") or {}) if pid else {},
    )


def write(layout: Layout, status: Status) -> None:
    """Record what the supervisor is doing."""
    value = {
        "phase": status.phase,
        "reason": status.reason,
        "server": status.server,
        "started_at": status.started_at,
        "ready_after": status.ready_after,
        "components": dict(status.components),
    }
    write_json(layout.state, value)


def supervisor_pid(layout: Layout) -> int | None:
    """The supervisor's process id, or None when no supervisor holds the lock."""
    try:
        descriptor = os.open(layout.supervisor_lock, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 20) or b"0") or None
    else:
        return None
    finally:
        os.close(descriptor)


def hold_supervisor_lock(layout: Layout) -> bool:
    """Take the supervisor's lock for as long as this process lives.

    Returns:
        Whether it was free. A reader holds it for an instant, hence the patience.
    """
    descriptor = os.open(layout.supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + 2.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(0.02)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return True

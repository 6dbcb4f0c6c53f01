"""Has anybody but the control plane itself used the API server lately?

Called by the supervisor when it was told to end after some idle time. Looks at the kernel's table
of connections: those to our port that belong to none of our processes are somebody's. One that
was closed stays in the table for a minute, so looking twice a minute misses none.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

_LOOK_SECONDS = 25.0
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ESTABLISHED, _TIME_WAIT = "01", "06"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


class IdleClock:
    """Runs while nobody uses the API server.

    Args:
        limit: seconds it may run; None means for ever.
    """

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._used = self._looked = time.monotonic()

    def has_run_out(self, port: int, own: set[int]) -> bool:
        """Whether nobody has used the API server for the limit.

        Args:
            port: the API server's port.
            own: process ids whose connections do not count.
        """
        now = time.monotonic()
        if self._limit is None or now - self._looked < min(_LOOK_SECONDS, self._limit / 2):
            return False
        self._looked = now
        if _is_used(port, own):
            self._used = now
        return now - self._used >= self._limit


def _is_used(port: int, own: set[int]) -> bool:
    """Whether a connection to the port belongs, or did a minute ago, to another process."""
    ours = set().union(*(_sockets(pid) for pid in own))
    remote = f":{port:04X}"
    for table in _TABLES:
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            is_client = fields[2].endswith(remote)
            if is_client and fields[3] == _ESTABLISHED and fields[9] not in ours:
                return True
            if is_client and fields[3] == _TIME_WAIT:
                return True
    return False


def _sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            match = _SOCKET.fullmatch(str(entry.readlink()))
            if match:
                found.add(match.group(1))
    except OSError:
        return found
    return found

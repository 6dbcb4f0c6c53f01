"""Which bytes is a chart known to have?

Called by the chart store. The lock file is committed: a chart repository that serves other bytes
under a version that was used before is found out.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitops.errors import ChartError
from gitops.rendering.inputs import ChartReference


class ChartLock:
    """The digest of each locked chart, under the repository its source names, not a mirror's.

    Args:
        path: the lock file; nothing is locked where there is none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read: tuple[object, dict[ChartReference, str]] = (None, {})

    def digest(self, chart: ChartReference) -> str | None:
        """The locked digest; ``None`` when the chart is not locked.

        Raises:
            ChartError: the file is no lock file.
        """
        return self._entries().get(chart)

    def verify(self, chart: ChartReference, *, found: Sequence[str], where: str) -> None:
        """Refuse a chart whose bytes are not the locked ones.

        Args:
            chart: the chart, as its source names it.
            found: the digests it has: that of its archive, that of its files.
            where: where it was pulled from.

        Raises:
            ChartError: with both digests.
        """
        locked = self._entries()[chart]
        if locked in found:
            return
        kind = locked.partition(":")[0]
        alike = next((digest for digest in found if digest.startswith(f"{kind}:")), found[0])
        raise ChartError(
            str(chart),
            f"{where} holds other bytes than were locked: locked {locked}, found {alike}",
            remedy="find out who changed it; if the change is wanted, remove its line from the "
            "lock file and run: gitops charts lock",
        )

    def record(self, chart: ChartReference, digest: str) -> None:
        """Add a chart to the file; what other processes add meanwhile is kept.

        Raises:
            ChartError: the file is no lock file.
        """
        if self._path is None:
            return
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self._read = (None, {})
            _write(self._path, self._entries() | {chart: digest})
        finally:
            os.close(folder)

    def _entries(self) -> dict[ChartReference, str]:
        """The file's entries, read again when it changed."""
        try:
            status = self._path.stat() if self._path else None
        except FileNotFoundError:
            status = None
        if status is None or self._path is None:
            return {}
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._read[0] != signature:
            self._read = (signature, _parsed(self._path))
        return self._read[1]


def _parsed(path: Path) -> dict[ChartReference, str]:
    try:
        return {
            ChartReference(repo=entry["repo"], name=entry["name"], version=entry["version"]): entry[
                "digest"
            ]
            for entry in json.loads(path.read_bytes())["charts"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ChartError(
            path.name, "it is no lock file", remedy="restore it from Git, or remove it"
        ) from error


def _write(path: Path, locked: Mapping[ChartReference, str]) -> None:
    """Replace the lock file: one line per chart, sorted, so that changes read well in a review."""
    lines = [
        json.dumps({"repo": c.repo, "name": c.name, "version": c.version, "digest": digest})
        for c, digest in sorted(locked.items())
    ]
    content = '{\n  "charts": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

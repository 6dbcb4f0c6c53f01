"""What does the shared store hold under a digest?

Called by the chart store. Entries never change once they are there: each is made aside and renamed
into place, so a process that is killed leaves none that is half there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gitops.chart_store import archive as chart_archive
from gitops.chart_store import folder as chart_folder
from gitops.errors import ChartError
from gitops.rendering import capabilities
from gitops.rendering.capabilities import Capabilities
from gitops.rendering.inputs import ChartReference

_ABOUT = ".home-ops.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChart:
    """An unpacked chart: its folder, the digest of its bytes, and what it asks of a cluster.

    ``digest`` is that of the archive where there was one; ``tree`` is that of the files.
    """

    path: Path
    digest: str
    tree: str
    capabilities: Capabilities


class ChartContents:
    """Unpacked charts in a folder by the digest of their archives.

    Args:
        directory: made when the first chart is added.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[tuple[str, str], StoredChart] = {}

    def at(self, digest: str, name: str) -> StoredChart | None:
        """The chart under a digest, if it is there."""
        folder = self._folder(digest)
        if (digest, name) not in self._known:
            try:
                about = json.loads((folder / _ABOUT).read_bytes())
                asked = Capabilities(**about["capabilities"])
                found = StoredChart(
                    path=folder / name, digest=digest, tree=about["tree"], capabilities=asked
                )
            except (OSError, ValueError, KeyError, TypeError):
                return None
            self._known[digest, name] = found
        known = self._known[digest, name]
        return known if known.path.is_dir() else None

    def add(self, archive: Path, chart: ChartReference) -> StoredChart:
        """The chart in an archive, unpacked into the store.

        Raises:
            ChartError: the archive is damaged or holds another chart, or the store cannot be
                written.
        """
        digest = _archive_digest(archive)
        with self.aside() as work:
            there = self.at(digest, chart.name)
            if there is not None:
                return there
            folder = chart_archive.unpack(archive, chart=chart, into=work / "new")
            files = chart_folder.contents(folder, boundary=folder)
            about = {
                "tree": chart_folder.tree_digest(files),
                "capabilities": asdict(capabilities.scan_all(files.items())),
            }
            (work / "new" / _ABOUT).write_text(json.dumps(about), "utf-8")
            with contextlib.suppress(OSError):  # not empty: another process was faster
                (work / "new").rename(self._folder(digest))
        added = self.at(digest, chart.name)
        if added is None:
            raise ChartError(
                str(chart),
                f"{self._folder(digest)} in the chart store is damaged",
                remedy="remove that folder",
            )
        return added

    @contextlib.contextmanager
    def aside(self) -> Iterator[Path]:
        """A folder to prepare an entry in, gone afterwards.

        Raises:
            ChartError: the store cannot be written.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            work = tempfile.TemporaryDirectory(dir=self._directory, prefix=".new-")
        except OSError as error:
            raise ChartError(
                f"chart store {self._directory}",
                f"cannot be written: {error.strerror}",
                remedy="make it writable, or point XDG_CACHE_HOME elsewhere",
            ) from error
        with work as name:
            yield Path(name)

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Hold a lock on a name against threads and processes alike."""
        locks = self._directory / "locks"
        locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (locks / hashlib.sha256(what.encode()).hexdigest()).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def remembered(self, what: str) -> str | None:
        """The digest last noted for a name."""
        with contextlib.suppress(OSError):
            return self._note(what).read_text("utf-8")
        return None

    def remember(self, what: str, digest: str) -> None:
        """Note the digest for a name."""
        with self.aside() as work:
            (work / "note").write_text(digest, "utf-8")
            self._note(what).parent.mkdir(mode=0o700, exist_ok=True)
            (work / "note").replace(self._note(what))

    def _note(self, what: str) -> Path:
        return self._directory / "versions" / hashlib.sha256(what.encode()).hexdigest()

    def _folder(self, digest: str) -> Path:
        return self._directory / digest.replace(":", "-")


def _archive_digest(archive: Path) -> str:
    with archive.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

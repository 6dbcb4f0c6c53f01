"""Where is a chart on this machine, and is it the one that was locked?

Called by rendering and by ``gitops charts lock``. Charts are pulled once into a store that all
checkouts share, under the digest of their bytes; one that is there needs no network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gitops.chart_store import archive as chart_archive
from gitops.chart_store import folder as chart_folder
from gitops.chart_store import lock as chart_lock
from gitops.chart_store import source as chart_source
from gitops.chart_store.contents import ChartContents, StoredChart
from gitops.chart_store.source import Credential, Location
from gitops.rendering import capabilities
from gitops.rendering.inputs import ChartReference

__all__ = ["ChartStore", "Credential", "StoredChart"]

_EXACT = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")


class ChartStore:
    """Charts by repository, name and version; safe for several threads and processes at once.

    Args:
        directory: the shared store; made when the first chart is put there.
        lock_file: ``charts.lock``; without one nothing is locked.
        mirrors: another repository or a folder for each prefix of a repository.
        credentials: the environment variables with a login, for each prefix of a repository that
            is really pulled from.
        repository_root: where relative folders start; charts inside it are Git's and not locked.
        record: whether a chart that is not locked yet is added to the lock file. Off by default:
            rendering writes nothing into the repository; ``unlocked`` names such charts instead.
    """

    def __init__(
        self,
        directory: Path,
        *,
        lock_file: Path | None = None,
        mirrors: Mapping[str, str] | None = None,
        credentials: Mapping[str, Credential] | None = None,
        repository_root: Path,
        record: bool = False,
    ) -> None:
        self._contents = ChartContents(directory)
        self._lock = chart_lock.ChartLock(lock_file)
        self._mirrors = mirrors or {}
        self._credentials = credentials or {}
        self._root = repository_root.resolve()
        self._record = record
        self._unlocked: set[ChartReference] = set()
        self._folders: dict[Path, tuple[object, StoredChart]] = {}

    @property
    def unlocked(self) -> tuple[ChartReference, ...]:
        """Charts that were used without being in the lock file, sorted."""
        return tuple(sorted(self._unlocked))

    def pull(self, repo: str, name: str, version: str) -> Path:
        """The unpacked folder of a chart; arguments and errors as in ``fetch``."""
        return self.fetch(ChartReference(repo=repo, name=name, version=version)).path

    def fetch(self, chart: ChartReference) -> StoredChart:
        """A chart, pulled if it is not in the store yet.

        Args:
            chart: as the source names it. An empty repository, a path or ``file://`` is a folder,
                relative to the repository.

        Raises:
            ChartError: it is not there, its archive is damaged, its credentials are missing, or
                its bytes are not the locked ones.
            ToolError: helm is not on PATH.
        """
        found = self.stored(chart)
        if found is not None:
            return found
        location = self._locate(chart)
        with self._contents.alone(_name(chart, location)):
            return self.stored(chart) or self._pulled(chart, location)

    def stored(self, chart: ChartReference) -> StoredChart | None:
        """A chart that is at hand without the network; ``None`` when it has to be pulled.

        Raises:
            ChartError: it is in a folder, and is not there or not the locked one.
        """
        location = self._locate(chart)
        if location.folder is not None:
            return self._in_folder(chart, location.folder)
        digest = self._lock.digest(chart)
        if digest is None or not digest.startswith("sha256:"):
            digest = self._contents.remembered(_name(chart, location))
        found = self._contents.at(digest, chart.name) if digest else None
        return self._checked(chart, found, where=location.url) if found else None

    def _locate(self, chart: ChartReference) -> Location:
        chart_source.check_name(chart)
        return chart_source.locate(chart.repo, mirrors=self._mirrors, root=self._root)

    def _in_folder(self, chart: ChartReference, folder: Path) -> StoredChart:
        """A chart from a folder; an unpacked one is used where it is."""
        path = chart_folder.find(chart, folder)
        signature = chart_folder.signature(path)
        remembered = self._folders.get(path)
        if remembered is not None and remembered[0] == signature:
            found = remembered[1]
        elif path.is_dir():
            found = self._unpacked(path)
        else:
            found = self._contents.add(path, chart)
        self._folders[path] = (signature, found)
        if path.is_relative_to(self._root):
            return found
        return self._checked(chart, found, where=str(path))

    def _unpacked(self, path: Path) -> StoredChart:
        within = self._root if path.is_relative_to(self._root) else path
        files = chart_folder.contents(path, boundary=within)
        tree = chart_folder.tree_digest(files)
        asked = capabilities.scan_all(files.items())
        return StoredChart(path=path, digest=tree, tree=tree, capabilities=asked)

    def _pulled(self, chart: ChartReference, location: Location) -> StoredChart:
        with self._contents.aside() as work:
            archive = chart_archive.pull(
                chart, url=location.url, credentials=self._credentials, into=work
            )
            found = self._contents.add(archive, chart)
        self._checked(chart, found, where=location.url)
        if _EXACT.fullmatch(chart.version):  # a range may mean another version tomorrow
            self._contents.remember(_name(chart, location), found.digest)
        return found

    def _checked(self, chart: ChartReference, found: StoredChart, *, where: str) -> StoredChart:
        """The chart, if it is the locked one; one that is not locked is recorded or noted."""
        if self._lock.digest(chart) is not None:
            self._lock.verify(chart, found=(found.digest, found.tree), where=where)
        elif self._record:
            self._lock.record(chart, found.digest)
        else:
            self._unlocked.add(chart)
        return found


def _name(chart: ChartReference, location: Location) -> str:
    """What a pull is remembered under: where the chart really comes from is part of it."""
    return f"{location.url}\0{chart.name}\0{chart.version}"

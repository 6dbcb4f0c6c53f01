"""Which chart is in a folder, and what is its digest?

Called by the chart store for mirrors that are folders, for charts in the repository, and for what
it has just unpacked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitops import yaml_reader
from gitops.errors import ChartError
from gitops.rendering.inputs import ChartReference


def find(chart: ChartReference, folder: Path) -> Path:
    """The unpacked chart or the archive that a folder holds for a chart.

    Looked for in this order: the folder itself being the chart, ``<name>/Chart.yaml``,
    ``<name>-<version>.tgz``. An empty version takes the one there is.

    Raises:
        ChartError: there is none, or only another version.
    """
    others = []
    for candidate in (folder, folder / chart.name):
        if (candidate / "Chart.yaml").is_file():
            name, version = _name_and_version(chart, candidate / "Chart.yaml")
            if name == chart.name and chart.version in ("", version):
                return candidate
            others.append(f"{name} {version}")
    archives = sorted(folder.glob(f"{chart.name}-[0-9v]*.tgz"))
    for archive in archives:
        if archive.name == f"{chart.name}-{chart.version}.tgz":
            return archive
    if len(archives) == 1 and not chart.version:
        return archives[0]
    others += [archive.name for archive in archives]
    there = f"only {', '.join(others)}" if others else "no such chart"
    raise ChartError(
        str(chart),
        f"{folder} holds {there}",
        remedy=f"put {chart.name}-{chart.version or '<version>'}.tgz or the folder {chart.name} "
        "there, or correct the version",
    )


def signature(path: Path) -> tuple[object, ...]:
    """What changes when a file or anything in a folder does; far cheaper than its digest."""
    return tuple(sorted(_signatures(path)))


def contents(folder: Path, *, boundary: Path) -> dict[str, bytes]:
    """The files of an unpacked chart by relative path, sorted.

    Raises:
        ChartError: a symbolic link in it leads out of ``boundary``.
    """
    found: dict[str, bytes] = {}
    for directory, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(directory, name)
            if path.is_symlink() and not path.resolve().is_relative_to(boundary.resolve()):
                raise ChartError(
                    str(path), "the symbolic link leads out", remedy="copy what it leads to"
                )
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return dict(sorted(found.items()))


def tree_digest(files: Mapping[str, bytes]) -> str:
    """The digest of an unpacked chart."""
    total = hashlib.sha256()
    for path, content in files.items():
        total.update(f"{path}\0{len(content)}\0".encode())
        total.update(content)
    return f"tree-sha256:{total.hexdigest()}"


def _signatures(path: Path) -> Iterator[tuple[object, ...]]:
    status = path.stat()
    yield str(path), status.st_size, status.st_mtime_ns, status.st_ino
    if path.is_dir():
        with os.scandir(path) as entries:
            for entry in entries:
                yield from _signatures(Path(entry.path))


def _name_and_version(chart: ChartReference, file: Path) -> tuple[str, str]:
    for content in yaml_reader.load(file.read_bytes(), source=str(file)):
        if isinstance(content, dict):
            name, version = content.get("name"), content.get("version")
            if isinstance(name, str) and isinstance(version, str):
                return name, version
    raise ChartError(str(chart), f"{file} names no chart and version", remedy="write both as text")

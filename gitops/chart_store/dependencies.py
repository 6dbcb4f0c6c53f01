"""Which charts does a chart in the repository depend on, and where are they?

Called by input gathering, for charts that are Applications and charts a kustomization uses: adds
what ``helm dependency build`` would put into the chart's ``charts`` folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops import yaml_reader
from gitops.errors import RenderError
from gitops.rendering.inputs import ChartReference
from gitops.rendering.source_tree import SourceTree

CHART_FILE = "Chart.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDependencies:
    """Adds dependencies to ``files`` and ``charts`` of the inputs being gathered.

    ``files`` gets the files of charts in the repository, ``charts`` the charts to be pulled.
    """

    subject: str
    tree: SourceTree
    files: dict[str, bytes]
    charts: dict[str, ChartReference]

    def add(self, place: str, *, origin: str, users: tuple[str, ...] = ()) -> None:
        """Add what one chart depends on, and what that depends on.

        Args:
            place: where the chart is laid out; its files are in ``files`` below it.
            origin: where it is in the repository; ``file://`` dependencies start there.
            users: the origins of the charts that brought it here.

        Raises:
            RenderError: a dependency is not there, depends on itself, or is named in a way that
                only one user's Helm settings resolve.
            ManifestError: a Chart.yaml or Chart.lock is no YAML.
        """
        locked = {
            (name, repo): version for name, repo, version in self._entries(place, "Chart.lock")
        }
        for name, repo, version in self._entries(place, CHART_FILE):
            target = f"{place}/charts/{name}"
            if not repo or target in self.charts or _is_vendored(target, self.files):
                continue
            if repo.startswith("file://"):
                folder = posixpath.normpath(posixpath.join(origin, repo.removeprefix("file://")))
                self._add_folder(target, folder, users=(*users, origin))
            elif repo.startswith(("oci://", "https://", "http://")):
                self.charts[target] = ChartReference(
                    repo=repo, name=name, version=locked.get((name, repo), version)
                )
            else:
                raise RenderError(
                    self.subject,
                    f"{origin}/{CHART_FILE} takes {name} from {repo}, a name in somebody's Helm "
                    "settings",
                    remedy="write the repository's URL",
                )

    def _add_folder(self, target: str, folder: str, *, users: tuple[str, ...]) -> None:
        """Add a dependency that is in the repository."""
        if folder in users:
            raise RenderError(
                self.subject,
                f"the chart {folder} depends on itself: {' -> '.join((*users, folder))}",
                remedy="remove one of the dependencies",
            )
        if self.tree.kind(f"{folder}/{CHART_FILE}") != "file":
            raise RenderError(
                self.subject,
                f"{users[-1]}/{CHART_FILE} depends on a chart in {folder}, and there is none",
                remedy="correct the dependency's repository",
            )
        for path, content in self.tree.shared(folder).items():
            self.files[target + path.removeprefix(folder)] = content
        self.add(target, origin=folder, users=users)

    def _entries(self, place: str, file: str) -> Iterator[tuple[str, str, str]]:
        """Name, repository and version of each dependency a file lists."""
        path = f"{place}/{file}"
        for document in yaml_reader.load(self.files.get(path, b""), source=path):
            found = document.get("dependencies") if isinstance(document, dict) else None
            for entry in found if isinstance(found, list) else ():
                if isinstance(entry, dict):
                    yield _text(entry, "name"), _text(entry, "repository"), _text(entry, "version")


def _is_vendored(target: str, files: Mapping[str, bytes]) -> bool:
    """Whether a dependency is in the chart already, unpacked or packed."""
    return any(
        path.startswith((f"{target}/", f"{target}-")) and path.endswith((f"/{CHART_FILE}", ".tgz"))
        for path in files
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""

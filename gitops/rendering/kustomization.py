"""Which files and charts does a kustomization refer to?

Called by rendering, before kustomize itself: the answer is both what the cache looks at and what
the copy kustomize runs on is made of, so a reference that were missed here would fail a build and
could not give a stale one. Source: the kustomization file reference of kustomize 5.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops import yaml_reader
from gitops.chart_store.dependencies import ChartDependencies
from gitops.errors import RenderError
from gitops.rendering.inputs import KUSTOMIZATION_NAMES, ChartReference, Inputs, SourceType
from gitops.rendering.source_tree import SourceTree

_PATHS = ("resources", "bases", "components", "crds", "configurations")
_PLUGINS = ("generators", "transformers", "validators")
_PATCHES = ("patches", "patchesJson6902", "replacements")
_REMOTE = re.compile(
    r"[a-z][a-z+]*://|[\w.-]+@[\w.-]+:|git::|(github|gitlab|bitbucket)\.\w+/|.*\?ref="
)
_COMMIT = re.compile(r"[?&](ref|version)=[0-9a-f]{40}(&|$)|/[0-9a-f]{40}/")


def gather(path: str, *, subject: str, tree: SourceTree, references: Sequence[str] = ()) -> Inputs:
    """Everything the kustomization in a directory reads, directly or through others.

    Args:
        path: the Application's directory, relative to the repository.
        subject: what errors start with.
        tree: the repository.
        references: further paths the Application adds to the kustomization.

    Returns:
        All files of the directory, of every kustomization it refers to, and of charts in the
        repository; the charts to be pulled, by the place kustomize looks for each.

    Raises:
        RenderError: a kustomization names something that does not exist or leaves the repository.
        ManifestError: a kustomization is no YAML, or holds a key twice.
    """
    found = _Gathering(subject=subject, tree=tree)
    found.files.update(tree.contents(path))
    found.follow(path)
    for reference in references:
        found.take(reference, directory=path, file="the Application's source")
    return Inputs(
        type=SourceType.KUSTOMIZE,
        path=path,
        files=found.files,
        charts=found.charts,
        pinned=found.pinned,
    )


@dataclass(slots=True, kw_only=True)
class _Gathering:
    """One walk over a kustomization and what it refers to."""

    subject: str
    tree: SourceTree
    files: dict[str, bytes] = field(default_factory=dict)
    charts: dict[str, ChartReference] = field(default_factory=dict)
    pinned: bool = True
    _seen: set[str] = field(default_factory=set)

    def follow(self, directory: str) -> None:
        """Take in a kustomization's references; a second visit does nothing."""
        if directory in self._seen:
            return
        self._seen.add(directory)
        name = next((n for n in KUSTOMIZATION_NAMES if _join(directory, n) in self.files), None)
        if name is None:
            return  # kustomize says which file it looked for
        file = _join(directory, name)
        for kustomization in self._documents(file):
            for reference in _references(kustomization):
                self.take(reference, directory=directory, file=file)
            for chart, home in self._charts(kustomization, directory=directory):
                self._take_chart(chart, home=home, directory=directory, file=file)

    def _documents(self, file: str) -> list[Mapping[str, Any]]:
        return _mappings(yaml_reader.load(self.files[file], source=file))

    def take(self, reference: str, *, directory: str, file: str) -> None:
        """Take in one path a kustomization names."""
        path = _join(directory, reference)
        if path in self.files or not reference:
            return
        kind = self.tree.kind(path)
        if kind == "file":
            self.files[path] = self.tree.read(path)
        elif kind == "directory":
            if not self._inside(path):
                self.files.update(self.tree.shared(path))
            self.follow(path)
        elif _REMOTE.match(reference):
            self.pinned = self.pinned and _COMMIT.search(reference) is not None
        else:
            raise RenderError(
                self.subject,
                f"{file} names {reference}, which does not exist",
                remedy="add the file, or remove the reference",
            )

    def _inside(self, path: str) -> bool:
        """Whether the files of a directory were taken in already."""
        return any(file.startswith(f"{path}/") for file in self.files)

    def _charts(
        self, kustomization: Mapping[str, Any], *, directory: str
    ) -> Iterator[tuple[Mapping[str, Any], str]]:
        """Each chart of a kustomization and of its generator files, with its chart home."""
        home = _text(_mapping(kustomization.get("helmGlobals")), "chartHome") or "charts"
        for chart in _mappings(kustomization.get("helmCharts")):
            yield chart, home
        for old in _mappings(kustomization.get("helmChartInflationGenerator")):
            names = {"chartName": "name", "chartVersion": "version", "chartRepoUrl": "repo"}
            chart = {new: old[key] for key, new in names.items() if key in old}
            yield chart, _text(old, "chartHome") or home
        for entry in _texts(kustomization.get("generators")):
            for plugin in self._plugins(entry, directory=directory):
                if plugin.get("kind") == "HelmChartInflationGenerator":
                    yield plugin, _text(plugin, "chartHome") or home

    def _plugins(self, entry: str, *, directory: str) -> list[Mapping[str, Any]]:
        """The plugin configurations an entry of ``generators`` holds itself or names."""
        if "\n" in entry:
            return _mappings(yaml_reader.load(entry, source=_join(directory, "kustomization")))
        path = _join(directory, entry)
        return self._documents(path) if path in self.files else []

    def _take_chart(
        self, chart: Mapping[str, Any], *, home: str, directory: str, file: str
    ) -> None:
        """Note where kustomize looks for a chart, and read it if it is in the repository."""
        name, version, repo = (_text(chart, key) for key in ("name", "version", "repo"))
        folder = f"{name}-{version}/{name}" if version and repo else name
        place = _join(directory, f"{home}/{folder}")
        if self.tree.kind(place) == "directory":
            if not self._inside(place):
                self.files.update(self.tree.shared(place))
            ChartDependencies(
                subject=self.subject, tree=self.tree, files=self.files, charts=self.charts
            ).add(place, origin=place)
        elif not repo:
            raise RenderError(
                self.subject,
                f"{file} names the chart {name} without a repo, and there is no {place}",
                remedy="give it repo and version, or correct helmGlobals.chartHome",
            )
        else:
            self.charts[place] = ChartReference(repo=repo, name=name, version=version)


def _references(kustomization: Mapping[str, Any]) -> Iterator[str]:
    """Every path a kustomization names, charts apart."""
    for key in (*_PATHS, *_PLUGINS):
        yield from (entry for entry in _texts(kustomization.get(key)) if "\n" not in entry)
    for key in _PATCHES:
        for patch in _mappings(kustomization.get(key)):
            if path := _text(patch, "path"):
                yield path
    for entry in _texts(kustomization.get("patchesStrategicMerge")):
        if "\n" not in entry and ":" not in entry:
            yield entry
    if schema := _text(_mapping(kustomization.get("openapi")), "path"):
        yield schema
    for key in ("configMapGenerator", "secretGenerator"):
        for generator in _mappings(kustomization.get(key)):
            yield from _generator_files(generator)
    for key in ("helmCharts", "helmChartInflationGenerator"):
        for chart in _mappings(kustomization.get(key)):
            yield from (_text(chart, name) for name in ("valuesFile", "values") if name in chart)
            yield from _texts(chart.get("additionalValuesFiles"))


def _generator_files(generator: Mapping[str, Any]) -> Iterator[str]:
    for entry in _texts(generator.get("files")):
        yield entry.partition("=")[2] or entry
    yield from _texts(generator.get("envs"))
    if env := _text(generator, "env"):
        yield env


def _join(directory: str, reference: str) -> str:
    return posixpath.normpath(posixpath.join(directory, reference))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""

"""Which directories of the repository are Applications?

The Git directory generator of ArgoCD's ApplicationSets. Called first in every run; rendering comes
next. A directory that cannot become an Application is an error value beside the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from gitops.application import ApplicationSetSpec, ApplicationSpec, Discovery
from gitops.errors import ConfigError, DiscoveryError, HomeOpsError
from gitops.templates import app_settings
from gitops.templates.app_settings import AppSettings
from gitops.templates.application_template import applications, check
from gitops.templates.path_pattern import compile_pattern

KUSTOMIZATION = "Kustomization"  # the one recognised name without a manifest's suffix
MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
_Make = Callable[[str, AppSettings], ApplicationSpec]


def discover(root: Path, appsets: Sequence[ApplicationSetSpec]) -> Discovery:
    """Find the Applications of every ApplicationSet.

    Args:
        root: the repository.
        appsets: the rules, whose patterns mean what they mean to ArgoCD ("Git Generator:
            Directories"): ``*`` stays within one level, an exclude wins over every include, hidden
            directories are skipped.

    Returns:
        The Applications and the errors of the rest, both sorted.

    Raises:
        DiscoveryError: there is no directory that any pattern begins with, or one cannot be read:
            then nothing is known about any Application, and nothing may be deleted.
    """
    tree = _Tree(root)
    _require_top(tree, appsets)
    found: list[tuple[str, ApplicationSpec]] = []
    errors: list[DiscoveryError] = []
    overlays: set[str] = set()
    for appset in sorted(appsets, key=lambda appset: appset.name):
        wrong = check(appset)
        errors += wrong
        if wrong:
            continue
        make = applications(appset)
        paths = _directories(tree, appset)
        is_overlay = _overlay_patterns(appset)
        for path in paths:
            try:
                found.append((path, _application(tree, make, path)))
            except HomeOpsError as error:
                errors.append(_as_discovery_error(error))
        overlays |= {path for path in paths if is_overlay(path)}
    unique, twice = _by_unique_name(_laid_over(found, overlays))
    return Discovery(applications=tuple(unique), errors=tuple(sorted((*errors, *twice), key=str)))


class _Tree:
    """The directories of a repository, each listed once for all patterns."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._listed: dict[str, dict[str, bool]] = {}

    def directories(self, path: str) -> Mapping[str, bool]:
        """The directories in a directory; True for those a symbolic link stands for."""
        if path not in self._listed:
            with self._scan(path) as entries:
                self._listed[path] = {
                    entry.name: entry.is_symlink() for entry in entries if _is_directory(entry)
                }
        return self._listed[path]

    def names(self, path: str) -> list[str]:
        """The names in a directory."""
        try:
            return os.listdir(f"{self.root}/{path}")  # noqa: PTH208 - names, not paths
        except OSError as error:
            raise _unreadable(path, error) from error

    def holds(self, path: str) -> bool:
        """Whether a path, links followed, is a directory of the repository."""
        real = os.path.realpath(f"{self.root}/{path}")
        return real.startswith(f"{self.root}/") and os.path.isdir(real)  # noqa: PTH112 - fast

    def whither(self, path: str) -> str:
        """Where a symbolic link leads, in words."""
        if not Path(self.root, path).exists():
            return "nowhere"
        return "inside the repository" if self.holds(path) else "out of the repository"

    def is_directory(self, path: str) -> bool:
        """Whether a path is a directory and no symbolic link."""
        found = Path(self.root, path)
        return found.is_dir() and not found.is_symlink()

    def read(self, path: str) -> bytes:
        """The bytes of a file."""
        try:
            return Path(self.root, path).read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error

    def _scan(self, path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        try:
            return os.scandir(f"{self.root}/{path}")
        except OSError as error:
            raise _unreadable(path or ".", error) from error


def _is_directory(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    # a link that leads nowhere counts: before the link broke, it may have been an Application
    return entry.is_dir() or (entry.is_symlink() and not Path(entry.path).exists())


def _unreadable(path: str, error: OSError) -> DiscoveryError:
    return DiscoveryError(path, f"cannot be read: {error.strerror}", remedy="make it readable")


def _require_top(tree: _Tree, appsets: Sequence[ApplicationSetSpec]) -> None:
    includes = (line.path for each in appsets for line in each.directories if not line.exclude)
    tops = sorted({path.partition("/")[0] for path in includes} or {"apps"})
    if not Path(tree.root).is_dir() or not any(
        compile_pattern(top).fullmatch(name) for top in tops for name in tree.directories("")
    ):
        raise DiscoveryError(
            ", ".join(f"{top}/" for top in tops),
            f"there is no such directory in {tree.root}",
            remedy="put Applications in apps/<category>/<app>, or name the repository's root",
        )


def _directories(tree: _Tree, appset: ApplicationSetSpec) -> list[str]:
    """The directories a set's patterns match, sorted."""
    excludes = [compile_pattern(line.path) for line in appset.directories if line.exclude]
    matched = {
        path
        for line in appset.directories
        if not line.exclude
        for path in _matches(tree, line.path.split("/"), "")
    }
    return sorted(path for path in matched if not any(each.fullmatch(path) for each in excludes))


def _matches(tree: _Tree, segments: list[str], above: str) -> Iterator[str]:
    pattern = compile_pattern(segments[0])
    for name, is_link in tree.directories(above).items():
        if pattern.fullmatch(name):
            path = f"{above}/{name}" if above else name
            if len(segments) == 1 or is_link:  # a link is not followed: it becomes an error
                yield path
            else:
                yield from _matches(tree, segments[1:], path)


def _application(tree: _Tree, make: _Make, path: str) -> ApplicationSpec:
    above, _, name = path.rpartition("/")
    if tree.directories(above)[name]:
        raise DiscoveryError(
            path,
            f"it is a symbolic link that leads {tree.whither(path)}",
            remedy="use a directory of its own, or exclude it",
        )
    names = tree.names(path)
    spec = make(path, AppSettings())
    if app_settings.FILE in names:
        spec = _with_settings(tree, make, path, spec)
    source = spec.source.path
    if source != path and not tree.holds(source):
        raise DiscoveryError(
            path,
            f"source.path {source!r} is no directory of the repository",
            remedy="correct the template",
        )
    contents = names if source == path else tree.names(source)
    if not _recognised(tree, source, contents, recurse=spec.source.recurse):
        raise DiscoveryError(
            path,
            "the directory has no kustomization.yaml, Chart.yaml, *.yaml, *.yml or *.json",
            remedy="add one, or remove the directory",
        )
    return spec


def _with_settings(tree: _Tree, make: _Make, path: str, of_set: ApplicationSpec) -> ApplicationSpec:
    """The Application with what its settings file says; as its set makes it, and with the error,
    where the file is wrong: nobody may take it for one that has left Git."""
    file = f"{path}/{app_settings.FILE}"
    try:
        own = app_settings.parse(tree.read(file), path=path)
        spec = make(path, own)
    except HomeOpsError as error:
        if error.subject.startswith(file):
            return replace(of_set, error=error)
        # its set alone makes an Application, so what is wrong is in the file
        wrong = ConfigError(file, error.reason, remedy="correct the file")
        return replace(of_set, error=wrong)
    depends_on = (*spec.depends_on, *own.depends_on)
    return replace(
        spec,
        commands=own.commands,
        confirm=own.confirm,
        depends_on=tuple(dict.fromkeys(depends_on)),
    )


def _recognised(tree: _Tree, path: str, names: Sequence[str], *, recurse: bool) -> bool:
    """Whether rendering would find something to begin with in a directory."""
    for name in names:
        if name == KUSTOMIZATION or (
            name.endswith(MANIFEST_SUFFIXES) and name != app_settings.FILE
        ):
            return True
    deeper = [f"{path}/{name}" for name in names] if recurse else []
    return any(
        _recognised(tree, each, tree.names(each), recurse=True)
        for each in deeper
        if tree.is_directory(each)
    )


def _as_discovery_error(error: HomeOpsError) -> DiscoveryError:
    if isinstance(error, DiscoveryError):
        return error
    return DiscoveryError(error.subject, error.reason, remedy=error.remedy)


def _overlay_patterns(appset: ApplicationSetSpec) -> Callable[[str], bool]:
    patterns = [compile_pattern(line.path) for line in appset.directories if line.overlay]
    return lambda path: any(each.fullmatch(path) for each in patterns)


def _laid_over(
    found: Sequence[tuple[str, ApplicationSpec]], overlays: Collection[str]
) -> list[ApplicationSpec]:
    """The Applications without those an overlay takes the place of, also one that is wrong: what
    is shared is not what this cluster is to have."""
    covered = {_last_names(path) for path in overlays}
    return [spec for path, spec in found if path in overlays or _last_names(path) not in covered]


def _last_names(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[-2:])


def _by_unique_name(
    found: Sequence[ApplicationSpec],
) -> tuple[list[ApplicationSpec], list[DiscoveryError]]:
    """The Applications sorted by name, and an error for each name that more than one has."""
    by_name: dict[str, list[ApplicationSpec]] = {}
    for spec in found:
        by_name.setdefault(spec.name, []).append(spec)
    unique = [specs[0] for _, specs in sorted(by_name.items()) if len(specs) == 1]
    errors = [
        DiscoveryError(
            " and ".join(sorted({spec.subject for spec in specs})),
            f"more than one Application would be named {name!r}, from ApplicationSet "
            + " and ".join(sorted({spec.application_set for spec in specs})),
            remedy="rename a directory, or let the sets exclude what the other matches",
        )
        for name, specs in by_name.items()
        if len(specs) > 1
    ]
    return unique, errors

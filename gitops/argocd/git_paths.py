"""Which directories and files of a repository do the patterns of a Git generator match?

Called by the generators. Directories are matched as Go's ``path.Match`` does, files as
``git ls-files`` does: there ``*`` matches a slash, too (ArgoCD's default globbing).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from gitops.errors import DiscoveryError
from gitops.templates.path_pattern import compile_pattern

_WILD = re.compile(r"[*?\[\\]")


def directories(root: Path, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The directories that a line matches and no line excludes, sorted; none that are hidden.

    Raises:
        ValueError: a pattern is malformed.
    """
    wanted = [compile_pattern(each["path"]) for each in lines if not each.get("exclude")]
    excluded = [compile_pattern(each["path"]) for each in lines if each.get("exclude")]
    return [
        path
        for path in _walked(root)
        if any(each.fullmatch(path) for each in wanted)
        and not any(each.fullmatch(path) for each in excluded)
    ]


def files(root: Path, lines: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """The files that a line matches and no line excludes, with their content, sorted.

    Raises:
        DiscoveryError: a file cannot be read, or is a link that leaves the repository.
    """
    wanted = [_pathspec(each["path"]) for each in lines if not each.get("exclude")]
    excluded = [_pathspec(each["path"]) for each in lines if each.get("exclude")]
    return {
        path: _read(root, path)
        for path in _all_files(root)
        if any(each.fullmatch(path) for each in wanted)
        and not any(each.fullmatch(path) for each in excluded)
    }


def _walked(root: Path) -> Iterator[str]:
    for above, names, _ in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        relative = os.path.relpath(above, root)
        for name in names:
            if not Path(above, name).is_symlink():
                yield name if relative == "." else f"{relative}/{name}"


def _all_files(root: Path) -> list[str]:
    found = []
    for above, names, contents in os.walk(root):
        names[:] = [name for name in names if name != ".git"]
        relative = os.path.relpath(above, root)
        found += [name if relative == "." else f"{relative}/{name}" for name in contents]
    return sorted(found)


@lru_cache(maxsize=256)
def _pathspec(pattern: str) -> re.Pattern[str]:
    """A Git pathspec; without a wildcard it is a file, or a directory with all that is in it."""
    pattern = pattern.removeprefix("./").strip("/")
    if not _WILD.search(pattern):
        return re.compile(f"{re.escape(pattern)}(/.*)?", re.DOTALL)
    translated = ""
    for part in re.split(r"(\*+|\?|\[[^\]]+\]|\\.)", pattern):
        if part.startswith("*"):
            translated += ".*"
        elif part == "?":
            translated += "."
        elif part.startswith("[") and part.endswith("]"):
            inner = part[1:-1].replace("\\", "\\\\")
            translated += f"[^{inner[1:]}]" if inner[:1] in ("!", "^") else f"[{inner}]"
        else:
            translated += re.escape(part[1:] if part.startswith("\\") else part)
    return re.compile(translated, re.DOTALL)


def _read(root: Path, path: str) -> bytes:
    found = (root / path).resolve()
    if not found.is_relative_to(root.resolve()):
        raise DiscoveryError(path, "it leads out of the repository", remedy="remove the link")
    try:
        return found.read_bytes()
    except OSError as error:
        raise DiscoveryError(
            path, f"cannot be read: {error.strerror}", remedy="make it readable"
        ) from error

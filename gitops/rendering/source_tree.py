"""What is in a directory of the repository, and does any of it lead out of the repository?

Called by input gathering. One SourceTree serves one pass over all Applications; it remembers the
directories that several of them share (charts, components), and nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from gitops.errors import RenderError
from gitops.rendering.limits import SOURCE_FILE_BYTES

_SKIPPED = frozenset({".git", ".home-ops.yaml"})


class SourceTree:
    """Reads files below ``root``; paths are relative to it, with ``/``, and ``.`` is the root.

    Symbolic links are followed inside the repository and refused when they lead out of it, as in
    ArgoCD ("out-of-bounds symlinks").
    """

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._shared: dict[str, Mapping[str, bytes]] = {}
        self._lock = threading.Lock()

    def kind(self, path: str) -> str:
        """``file``, ``directory`` or, where nothing is, an empty string.

        Raises:
            RenderError: the path leaves the repository.
        """
        found = Path(self._inside(path))
        if found.is_dir():
            return "directory"
        return "file" if found.is_file() else ""

    def names(self, directory: str) -> frozenset[str]:
        """The names in a directory."""
        return frozenset(os.listdir(self._inside(directory)))  # noqa: PTH208 - names, not paths

    def read(self, path: str) -> bytes:
        """The bytes of one file.

        Raises:
            RenderError: it leaves the repository, is no file, or is too large.
        """
        return _read(self._inside(path), path)

    def contents(
        self, directory: str, *, recurse: bool = True, suffixes: tuple[str, ...] = ("",)
    ) -> dict[str, bytes]:
        """The files of a directory by path; ``.git`` and the Application's settings left out.

        Args:
            directory: where to look.
            recurse: whether folders in it are looked into as well.
            suffixes: how the names of the files wanted end.

        Raises:
            RenderError: a symbolic link leaves the repository or leads nowhere, or a file is too
                large.
        """
        found: dict[str, str] = {}
        self._walk(directory, found, recurse=recurse, within=(self._inside(directory),))
        return {
            path: _read(real, path)
            for path, real in sorted(found.items())
            if path.endswith(suffixes)
        }

    def shared(self, directory: str) -> Mapping[str, bytes]:
        """Every file of a directory that many Applications use, read once for all of them.

        Raises:
            RenderError: as ``contents``.
        """
        with self._lock:
            if directory not in self._shared:
                self._shared[directory] = self.contents(directory)
            return self._shared[directory]

    def _walk(
        self, directory: str, found: dict[str, str], *, recurse: bool, within: tuple[str, ...]
    ) -> None:
        prefix = "" if directory == "." else f"{directory}/"
        with os.scandir(within[-1]) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.name in _SKIPPED:
                    continue
                real = self._inside(path) if entry.is_symlink() else entry.path
                if entry.is_file():
                    found[path] = real
                elif not entry.is_dir():
                    raise RenderError(
                        path, "it is neither a file nor a directory", remedy="remove it"
                    )
                elif recurse and real not in within:
                    self._walk(path, found, recurse=True, within=(*within, real))

    def _inside(self, path: str) -> str:
        """The real path of a file or directory, which must be in the repository."""
        real = os.path.realpath(f"{self.root}/{path}")
        if real != self.root and not real.startswith(f"{self.root}/"):
            raise RenderError(
                path,
                "it leads out of the repository",
                remedy="remove the symbolic link or reference, or copy the file into the "
                "repository",
            )
        return real


def _read(real: str, path: str) -> bytes:
    try:
        with open(real, "rb", buffering=0) as file:  # noqa: PTH123 - thousands of small files
            size = os.fstat(file.fileno()).st_size
            if size <= SOURCE_FILE_BYTES:
                return file.read()
    except OSError as error:
        raise RenderError(
            path, f"cannot be read: {error.strerror}", remedy="restore the file"
        ) from error
    raise RenderError(
        path,
        f"the file is {size:,} bytes, the limit is {SOURCE_FILE_BYTES:,}",
        remedy="keep large files out of the directories of Applications",
    )

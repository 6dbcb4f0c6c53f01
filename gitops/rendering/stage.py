"""Where do kustomize and helm run?

Called by the renderers: a temporary copy of an Application's inputs at the same relative places, so
that nothing is ever written to the repository and a file that is no input is not there to be read.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops.rendering import tools
from gitops.rendering.inputs import Inputs

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1 << 30
BESIDE = "beside"
"""The folder below ``home`` with the files that are in no tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A laid out copy: the Application's directory in it, and the environment for the tools."""

    directory: Path
    tree: Path
    home: Path
    environment: Mapping[str, str]

    @property
    def hidden(self) -> tuple[Path, ...]:
        """Folders that mean nothing to a reader of errors."""
        return (self.tree, self.home)


@contextlib.contextmanager
def laid_out(inputs: Inputs, *, charts: Mapping[str, Path]) -> Iterator[Stage]:
    """A copy of the inputs for as long as the context lasts.

    Args:
        inputs: what the render reads.
        charts: the unpacked chart for each place in ``inputs.charts``.
    """
    with tempfile.TemporaryDirectory(
        prefix="home-ops-render-", dir=_fast_folder(), ignore_cleanup_errors=True
    ) as name:
        tree, home = Path(name, "tree"), Path(name, "home")
        home.mkdir()
        _write(inputs.files, tree)
        _write(inputs.beside, home / BESIDE)
        for place, chart in charts.items():
            _link_chart(chart, tree / place)
        directory = tree / inputs.path
        directory.mkdir(parents=True, exist_ok=True)
        yield Stage(
            directory=directory,
            tree=tree,
            home=home,
            environment=tools.environment(home),
        )


def _fast_folder() -> Path | None:
    """Memory where the system offers it and it has room; else its folder for temporary files."""
    if not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(_MEMORY)
    return _MEMORY if room.f_bavail * room.f_frsize > _ROOM_BYTES else None


def _write(files: Mapping[str, bytes], tree: Path) -> None:
    made: set[str] = set()
    for path, content in files.items():
        target = f"{tree}/{path}"
        folder = target.rpartition("/")[0]
        if folder not in made:
            Path(folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        Path(target).write_bytes(content)


def _link_chart(chart: Path, place: Path) -> None:
    """Put a chart at its place without copying it.

    kustomize resolves links before it asks whether a file is below the kustomization, and it reads
    a chart's ``values.yaml`` itself: that file is copied, the rest are links, which helm follows.
    """
    place.mkdir(parents=True)
    for entry in chart.iterdir():
        if entry.name == "values.yaml":
            (place / entry.name).write_bytes(entry.read_bytes())
        else:
            (place / entry.name).symlink_to(entry)

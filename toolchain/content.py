"""How is a folder of the cache made so that it is either whole or not there?

It is filled under another name, while a lock keeps other runs from doing the same, and renamed
when it is complete. What a killed run left is removed by the next one. Called by the acquisition
of tools and of Go.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from toolchain import locks
from toolchain.store import cache_root

_PARTIAL = ".partial-"


def _lock(name: str) -> Path:
    return cache_root() / "locks" / f"{name}.lock"


def make(
    folder: Path, fill: Callable[[Path], None], *, waiting: Callable[[], None] | None = None
) -> bool:
    """Make a folder, unless it is there.

    Args:
        folder: the folder to make; its name is unique to its content.
        fill: puts the content into the empty folder it is given; what it raises is passed on and
            nothing remains.
        waiting: called once when another run is making the same folder.

    Returns:
        Whether this call made it.
    """
    if folder.is_dir():
        return False
    with locks.exclusive(_lock(folder.name), waiting=waiting):
        if folder.is_dir():
            return False
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_partial(folder.parent, folder.name)
        # another name every time: a compiler that outlived its killed run writes to the former one
        partial = Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{folder.name}-", dir=folder.parent))
        try:
            fill(partial)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return True


def sweep(parent: Path) -> None:
    """Remove what killed runs left half-made in a folder of the cache."""
    for name in {_content_name(path) for path in parent.glob(f"{_PARTIAL}*")}:
        with locks.attempt(_lock(name)) as held:
            if held:
                _remove_partial(parent, name)


def _content_name(partial: Path) -> str:
    return partial.name.removeprefix(_PARTIAL).rpartition("-")[0]


def _remove_partial(parent: Path, name: str) -> None:
    for path in parent.glob(f"{_PARTIAL}*"):
        if _content_name(path) == name:
            shutil.rmtree(path, ignore_errors=True)

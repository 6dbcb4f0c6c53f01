"""What does a Secret hold that is mounted as a folder?

Called whenever Git or Helm logs in, so that a Secret that has changed counts at once. The kubelet
changes all files of a mounted Secret together, by turning one link (Kubernetes, "Secrets: Mounted
Secrets are updated automatically"); they are read behind that link, all of one moment.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

SECRETS = "HOME_OPS_SECRETS"
"""The environment variable that names the folder with a folder for each Secret."""
OWN = "HOME_OPS_GIT"
"""That of the folder of the Secret for the stack's own repository."""
_LINK = "..data"
_TIMES = 5


def named(secret: str) -> Path | None:
    """The folder of a Secret that the config names; None where no Secrets are mounted."""
    root = os.environ.get(SECRETS)
    return Path(root) / secret if root else None


def own() -> Path | None:
    """The folder of the Secret for the stack's own repository; None where there is none."""
    folder = os.environ.get(OWN)
    return Path(folder) if folder else None


def read(folder: Path) -> dict[str, str]:
    """A Secret's values by key, without the line end a file often has.

    Raises:
        OSError: there is no such folder, or it cannot be read.
    """
    link = folder / _LINK
    for _ in range(_TIMES):
        if not link.is_symlink():
            return _read(folder)  # a folder somebody has made by hand
        target = link.readlink()
        with suppress(FileNotFoundError):
            found = _read(folder / target)
            if link.readlink() == target:  # else what it was is being removed
                return found
    raise FileNotFoundError(errno.ENOENT, "it changes again and again", str(folder))


def _read(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text("utf-8", errors="replace").rstrip("\r\n")
        for path in sorted(folder.iterdir())
        if not path.name.startswith("..") and not path.is_dir()
    }

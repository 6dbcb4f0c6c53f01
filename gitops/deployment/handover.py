"""How does a decided part of a run reach the program that declares it?

Written by the reconciler into a private file, whose path the environment variable HOME_OPS_HANDOVER
names to the one run of the program it is meant for; that run then asks neither Git nor the cluster
nor the state. A person's `pulumi up` has no such variable. The file holds what objects hold,
Secrets among it: only its owner can read it, and it is removed after the run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitops.deployment.part import Part
from gitops.errors import HomeOpsError

ENVIRONMENT = "HOME_OPS_HANDOVER"
VERSION = 1
PACKAGES = ("components", "cluster", "gitops")
_MAGIC = f"home-ops handover {VERSION}\n"
_REMEDY = f"unset {ENVIRONMENT}; only the reconciler sets it, for a run of its own"


class HandoverError(HomeOpsError):
    """What is handed over cannot be read, or is not meant for this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A part of a run and what it was decided for.

    Args:
        stack: the stack.
        commit: the commit its target was read from; empty where the tree is none.
        program: the digest of the program that may declare it.
        part: what is declared.
    """

    stack: str
    commit: str
    program: str
    part: Part


def write(handover: Handover, folder: Path) -> Path:
    """Write a file only its owner can read.

    Args:
        handover: what to write.
        folder: where; made when it is missing, and nobody else's.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    clear(folder)
    content = pickle.dumps(handover, protocol=pickle.HIGHEST_PROTOCOL)
    digest = hashlib.sha256(content).hexdigest()
    file = folder / f"{handover.commit or 'tree'}-{digest[:16]}"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            # The digest of what the classes look like comes first, before anything is unpickled.
            opened.write(f"{_MAGIC}{handover.program}\n{digest}\n".encode())
            opened.write(content)
    except BaseException:
        file.unlink()
        raise
    return file


def clear(folder: Path) -> None:
    """Remove what a run that was killed has left."""
    if folder.is_dir():
        for left in folder.iterdir():
            left.unlink()


def read(file: Path, *, stack: str, root: Path) -> Part:
    """The part that was handed over.

    Args:
        file: the file.
        stack: the stack of this run.
        root: the tree this run declares.

    Raises:
        HandoverError: it is not there, not private, damaged, or meant for another run.
    """
    content = _content(file, program_digest(root))
    handover = pickle.loads(content)  # our own file: private, and its digest is right
    assert isinstance(handover, Handover)
    if handover.stack != stack:
        raise _stale(file, f"is for stack {handover.stack}, and this is {stack}")
    commit = checked_out(root)
    if handover.commit and commit and handover.commit != commit:
        raise _stale(file, f"is for commit {handover.commit}, and {root} is at {commit}")
    return handover.part


def _content(file: Path, program: str) -> bytes:
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
                raise _stale(file, "can be read or written by others")
            magic, made_by, digest = (opened.readline().decode(errors="replace") for _ in range(3))
            content = opened.read()
    except OSError as error:
        raise _stale(file, f"cannot be read ({error.strerror})") from error
    if magic != _MAGIC:
        raise _stale(file, "has another format")
    if made_by.strip() != program:
        raise _stale(file, "was made by another version of this program")
    if hashlib.sha256(content).hexdigest() != digest.strip():
        raise _stale(file, "is not whole")
    return content


def program_digest(root: Path | None = None) -> str:
    """A hash of the code that decides and declares.

    Args:
        root: the tree whose program is run; where it holds none, or without it, the one that is
            installed.
    """
    total = hashlib.sha256()
    for name in PACKAGES:
        folder = root / name if root and (root / name).is_dir() else _installed(name)
        if folder is None:
            continue
        for path in sorted(folder.rglob("*.py")):
            total.update(f"{name}/{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def checked_out(root: Path) -> str:
    """The commit a working copy is at; empty where it follows a branch, or is none."""
    with suppress(OSError):
        head = (root / ".git" / "HEAD").read_text(encoding="ascii").strip()
        return "" if head.startswith("ref:") else head
    return ""


def _installed(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    return Path(next(iter(places))) if places else None


def _stale(file: Path, reason: str) -> HandoverError:
    return HandoverError(f"{ENVIRONMENT} {file}", reason, remedy=_REMEDY)

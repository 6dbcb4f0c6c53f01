"""Where is the state of a stack, and how is it read, locked and replaced?

Called by ``sync`` where the backend is a folder; every other backend is left to the engine. The
file, its lock and its history are what Pulumi's own backend makes of them (pkg/backend/diy), so a
`pulumi up` by hand and a pass keep out of each other's way.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gitops.deployment.checkpoint import Checkpoint
from gitops.deployment.inventory import PROJECT
from gitops.errors import HomeOpsError
from reconciler.engine.failures import explain

BACKEND = "PULUMI_BACKEND_URL"
_COMPRESSION = ("PULUMI_DIY_BACKEND_GZIP", "PULUMI_DIY_BACKEND_ZSTD")
_LAYOUT = "version: 1\n"


class StateError(HomeOpsError):
    """The state of a stack is somebody else's right now, or cannot be written; ``killed`` says that
    it does not know what has been done."""

    killed = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFile:
    """The state of one stack in a folder.

    Args:
        backend: the folder.
        stack: the stack's short name.
    """

    backend: Path
    stack: str

    @property
    def path(self) -> Path:
        """The file."""
        return self._own / "stacks" / PROJECT / f"{self.stack}.json"

    @property
    def locks(self) -> Path:
        """The folder that holds a file for each run that is going on."""
        return self._own / "locks" / "organization" / PROJECT / self.stack

    @property
    def history(self) -> Path:
        """The folder that holds what each run did."""
        return self._own / "history" / PROJECT / self.stack

    @property
    def _own(self) -> Path:
        return self.backend / ".pulumi"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the stack's lock.

        Raises:
            StateError: another run holds it, or it cannot be written.
        """
        own = self.locks / f"{uuid.uuid4()}.json"
        self.refuse_locked(own)
        try:
            self.locks.mkdir(parents=True, exist_ok=True, mode=0o700)
            own.write_text(_lock(), encoding="utf-8")
        except OSError as error:
            with suppress(OSError):
                own.unlink(missing_ok=True)
            raise self.unwritable(error) from error
        try:
            self.refuse_locked(own)
            yield
        finally:
            own.unlink(missing_ok=True)

    def write(self, checkpoint: Checkpoint) -> None:
        """Put a state in the place of the one that is there, which is kept beside it.

        Whoever reads it meanwhile finds one of the two.

        Raises:
            StateError: it cannot be written; the one that is there stays.
        """
        new, old = (self._own / f"{self.stack}.{name}" for name in ("new", "old"))
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, self.path.stat().st_mode)
                file.write(checkpoint.content())
                file.flush()
                os.fsync(file.fileno())
            old.unlink(missing_ok=True)
            os.link(self.path, old)
            old.replace(self.path.with_suffix(".json.bak"))
            self.path.with_suffix(".json.attrs").unlink(missing_ok=True)  # a digest of the old one
            new.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            failure = self.unwritable(error)
            failure.killed = True
            raise failure from error

    def take_history(self, other: StateFile) -> None:
        """Make another file's history part of this one's."""
        for each in sorted(other.history.glob("*.history.json")):
            self.history.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(each, self.history / each.name)

    def refuse_locked(self, own: Path | None = None) -> None:
        """Go on only if no other run holds the lock.

        Raises:
            StateError: one does.
        """
        others = [each for each in self.locks.glob("*.json") if each != own]
        if others:
            words = f"the stack is currently locked by {len(others)} lock(s)"
            reason, remedy = explain("\n".join((words, *(_holder(each) for each in others))))
            raise StateError(f"stack {self.stack}", reason, remedy=remedy)

    def unwritable(self, error: OSError) -> StateError:
        """What to say where a file cannot be written."""
        return StateError(
            f"stack {self.stack}",
            f"its state in {self.backend} cannot be written ({error.strerror})",
            remedy="make room or correct the folder's permissions; the next pass goes on from here",
        )


def find(stack: str) -> StateFile | None:
    """The file of a stack; None where the backend is no folder, or the stack has none in it.

    Args:
        stack: the stack's name.
    """
    address = urlsplit(os.environ.get(BACKEND, ""))
    path = Path(unquote(address.path))
    compressed = any(os.environ.get(name) for name in _COMPRESSION)
    is_folder = address.scheme == "file" and not address.netloc and not address.query
    if not is_folder or not path.is_absolute() or compressed:
        return None
    found = StateFile(backend=path, stack=stack.rpartition("/")[2])
    others = any(found.path.with_suffix(f".json{each}").exists() for each in (".gz", ".zst"))
    return found if found.path.is_file() and not others else None


def make(backend: Path, stack: str, checkpoint: Checkpoint) -> StateFile:
    """A state in a folder of its own, which only its owner can read.

    Args:
        backend: the folder, empty or not there.
        stack: the stack's short name.
        checkpoint: the state.

    Raises:
        StateError: it cannot be written.
    """
    made = StateFile(backend=backend, stack=stack)
    try:
        backend.mkdir(parents=True, exist_ok=True, mode=0o700)
        made.path.parent.mkdir(parents=True)
        (backend / ".pulumi" / "meta.yaml").write_text(_LAYOUT, encoding="utf-8")
        made.path.write_bytes(checkpoint.content())
    except OSError as error:
        raise made.unwritable(error) from error
    return made


def digest(content: bytes) -> str:
    """A hash of the file of a state."""
    return hashlib.sha256(content).hexdigest()


def _lock() -> str:
    now = datetime.now(UTC).isoformat()
    user = pwd.getpwuid(os.geteuid()).pw_name
    host = socket.gethostname()
    return json.dumps({"pid": os.getpid(), "username": user, "hostname": host, "timestamp": now})


def _holder(lock: Path) -> str:
    try:
        each = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"{lock}: just made"
    return (
        f"{lock}: created by {each.get('username')}@{each.get('hostname')} "
        f"(pid {each.get('pid')}) at {each.get('timestamp')}"
    )

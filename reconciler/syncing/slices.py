"""How does a run of some Applications get along with a small state?

Called by ``sync``. What the run is about is taken out of the stack's state into one of its own, the
engine runs there, and what it has made of it is put back, all while the stack's own lock is held.
Where that cannot be done the engine runs as always.

A run that is killed leaves the stack's state as it was: objects it has applied are in the cluster
with our marks on them and in no state, as after every run that is killed (docs/reconciler.md).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from gitops.deployment.checkpoint import Checkpoint, CheckpointError, cut, joined, read
from gitops.deployment.inventory import Inventory, from_export
from gitops.stores import cache_root
from gitops.syncing.deletion import sealed_hooks
from reconciler.engine.environment import collecting
from reconciler.passes import processes
from reconciler.state import file as state_file
from reconciler.state.file import BACKEND, StateFile

_ENGINE = "pulumi"
_GARBAGE_PERCENT = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed(Inventory):
    """The last deployment of a stack whose state is a file.

    Args:
        file: the file.
        digest: a hash of it.
        checkpoint: what it holds.
    """

    file: StateFile
    digest: str
    checkpoint: Checkpoint = field(repr=False)


def last_deployment(root: Path, stack: str) -> Inventory:
    """What the last run of a stack has left.

    Args:
        root: the project's folder.
        stack: the stack's name.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the state cannot be read.
    """
    from reconciler.engine import automation

    file = state_file.find(stack)
    if file is not None:
        with suppress(OSError, CheckpointError):
            content = file.path.read_bytes()
            checkpoint, export = read(content)
            if sealed_hooks(export):
                export = dict(automation.export(root, stack))
            found = from_export(export)
            return Deployed(
                **{each.name: getattr(found, each.name) for each in fields(found)},
                file=file,
                digest=state_file.digest(content),
                checkpoint=checkpoint,
            )
    return from_export(automation.export(root, stack))


def read_ahead(root: Path, stack: str) -> Future[Inventory]:
    """Begin to read the last deployment, while something else is done."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="state")
    try:
        return pool.submit(last_deployment, root, stack)
    finally:
        pool.shutdown(wait=False)


def run_apart(
    state: Inventory, urns: Collection[str], run: Callable[[Mapping[str, str]], None]
) -> bool:
    """Run the engine with a part of a state.

    Args:
        state: the whole state, as what is to be done was decided with.
        urns: what the run registers or targets.
        run: starts the engine, with these further variables.

    Returns:
        False where that cannot be done, or what was done cannot be put back; the same run with the
        whole state then puts everything right.

    Raises:
        StateError: another run holds the stack's lock, or the state cannot be written.
        EngineError: the engine has not run at all.
    """
    if not isinstance(state, Deployed):
        return False
    folder = _folder(state.file)
    with state.file.locked():
        if folder.exists() or not _is_current(state):
            return False
        part = cut(state.checkpoint, urns)
        own = state_file.make(folder, state.file.stack, part)
        fits = False
        try:
            run({BACKEND: folder.as_uri(), **collecting(_GARBAGE_PERCENT)})
        finally:  # what was done before it failed or was interrupted is done
            fits = _put_back(state.checkpoint, part.urns, own, state.file)
            shutil.rmtree(folder, ignore_errors=True)
    return fits


def clear(stack: str) -> None:
    """Remove what a killed pass has left.

    Args:
        stack: the stack's name.

    Raises:
        StateError: the engine of that pass is still running.
    """
    file = state_file.find(stack)
    folder = _folder(file) if file else None
    if file is None or folder is None or not folder.exists():
        return
    own = StateFile(backend=folder, stack=file.stack)
    if any(_is_running(each) for each in own.locks.glob("*.json")):
        own.refuse_locked()
    shutil.rmtree(folder, ignore_errors=True)


def _put_back(whole: Checkpoint, part: Collection[str], own: StateFile, file: StateFile) -> bool:
    """Whether what a run has left fits into the state it was taken from; then it is in it."""
    try:
        after, _ = read(own.path.read_bytes())
        file.write(joined(whole, part, after))
    except CheckpointError:
        return False
    file.take_history(own)
    return True


def _is_current(state: Deployed) -> bool:
    return state_file.digest(state.file.path.read_bytes()) == state.digest


def _folder(file: StateFile) -> Path:
    name = hashlib.sha256(str(file.path).encode()).hexdigest()[:16]
    return cache_root() / "slices" / f"{file.stack}-{name}"


def _is_running(lock: Path) -> bool:
    """Whether the engine that made a lock on this machine is still there."""
    with suppress(OSError, ValueError, KeyError):
        return processes.runs(int(json.loads(lock.read_text(encoding="utf-8"))["pid"]), (_ENGINE,))
    return False

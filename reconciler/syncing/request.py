"""What is a sync asked to do, and what of it is no Application's own?

Made by the pass for ``sync``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison
from gitops.config import Settings
from gitops.deployment import handover
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import main_stack
from gitops.ignoring.apply import LiveOwners
from gitops.objects.known_fields import SchemaSource
from gitops.objects.manifest import ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.sharding.division import Division
from gitops.target import Target
from reconciler.engine.events import Event
from reconciler.passes.stopping import Stop

_FILES = ("__main__.py", "Pulumi.yaml", "requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """What is to be synced, and nothing else may change.

    Args:
        root: the checked-out repository, with the program.
        stack: the stack's name.
        commit: what is checked out.
        settings: the config of that commit.
        target: all Applications.
        wanted: those to sync, each with how it differs.
        live: what the cluster holds of ours.
        owners: who owns which field of it.
        schemas: what its kinds look like.
        held: those a full run leaves as they are.
        in_git: all Applications as a full run declares them, where some are rolled back.
        part_only: refuse what only a full run can do, as it would apply what Git says.
        base: what of no Application differs; a full run puts it right.
        division: the Applications of other shards beside those of the target.
        full: run everything the program declares: its config, sets or projects changed, or it is
            time.
        state: the last deployment, where somebody has begun to read it.
        stop: ends the sync before it is done.
        on_event: told what the engine does while it runs.
    """

    root: Path
    stack: str
    commit: str
    settings: Settings
    target: Target
    wanted: Mapping[str, Comparison]
    live: Sequence[LiveObject]
    owners: LiveOwners | None
    schemas: SchemaSource | None = None
    held: frozenset[str] = frozenset()
    in_git: Sequence[ApplicationTarget] = ()
    part_only: bool = False
    base: frozenset[ResourceKey] = frozenset()
    division: Division | None = None
    full: bool = False
    state: Future[Inventory] | None = None
    stop: Stop | None = None
    on_event: Callable[[Event], None] = lambda _: None


def shared_digest(root: Path, stack: str, target: Target) -> str:
    """A hash of what is no Application's own: program, config, projects and sets."""
    total = hashlib.sha256(handover.program_digest(root).encode())
    for name in (*_FILES, f"Pulumi.{main_stack(stack).rpartition('/')[2]}.yaml"):
        path = root / name
        if path.is_file():
            total.update(f"{name}\0".encode() + path.read_bytes())
    sets = sorted({each.spec.application_set for each in target.applications})
    total.update(repr((target.projects, sets)).encode())
    return total.hexdigest()

"""What does the reconciler remember of an Application?

The value behind the ``Application`` object of our own kind: written after every pass that learned
something, read at the start of the next one and by the command line. It replaces no source of
truth: what should be is in Git and what is is in the cluster; a lost record costs time, no object.
The words are those of ArgoCD's Application status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitops.health import HealthStatus


class SyncStatus(StrEnum):
    """Whether live and target agree."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class OperationPhase(StrEnum):
    """How the last sync ended, or that it has not."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    TERMINATING = "Terminating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something people should know: an error, a stop of the prune gate, a render that varies."""

    type: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The last sync: what it applied, with which settings, and how often that was tried."""

    phase: OperationPhase
    revision: str
    digest: str
    settings: str = ""
    message: str = ""
    started: datetime
    finished: datetime | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One sync that succeeded, for ``history`` and ``rollback``."""

    id: int
    revision: str
    digest: str
    author: str = ""
    message: str = ""
    deployed: datetime
    seconds: float = 0.0
    changes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A rollback: automation leaves the Application at a revision until Git moves past another.

    Args:
        revision: what the Application was rolled back to.
        instead_of: the revision it was rolled back from; a newer one in Git ends the rollback.
        digest: what was rendered from ``instead_of``: only another content counts as newer.
    """

    revision: str
    instead_of: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRecord:
    """Everything remembered of one Application.

    Args:
        name: the Application.
        revision: the commit last compared with.
        digest: the target last synced; empty before the first sync.
        inputs: what that target was rendered from.
        paused: a person has paused it; ``paused_by`` says who, ``paused_at`` when, if it is known.
        settings: what the engine was told of the Application itself.
        sync: the last comparison's result, with ``health`` and its ``message``.
        resources: objects that are not Synced and Healthy, in ArgoCD's spelling.
        equal: stage-2 results to use again, ``<key>`` to ``<target digest>/<resourceVersion>``.
    """

    name: str
    project: str = ""
    path: str = ""
    namespace: str = ""
    paused: bool = False
    paused_by: str = ""
    paused_at: str = ""
    pinned: Pinned | None = None
    revision: str = ""
    digest: str = ""
    inputs: str = ""
    settings: str = ""
    sync: SyncStatus = SyncStatus.UNKNOWN
    health: HealthStatus = HealthStatus.UNKNOWN
    message: str = ""
    objects: int = 0
    resources: tuple[Mapping[str, Any], ...] = ()
    conditions: tuple[Condition, ...] = ()
    operation: Operation | None = None
    history: tuple[HistoryEntry, ...] = ()
    equal: Mapping[str, str] = field(default_factory=dict)

    def deployed(self, entry: HistoryEntry, *, limit: int) -> ApplicationRecord:
        """The record with one more sync in its history, at most ``limit`` of them
        (``revisionHistoryLimit``; the newest is always kept: it is what is deployed)."""
        number = self.history[-1].id + 1 if self.history else 0
        kept = (*self.history, replace(entry, id=number))[-max(limit, 1) :]
        return replace(self, history=kept, digest=entry.digest)

    def has_condition(self, kind: str) -> bool:
        """Whether the last pass left a condition of this type."""
        return any(each.type == kind for each in self.conditions)

    def with_conditions(self, messages: Mapping[str, str], now: datetime) -> ApplicationRecord:
        """The record with exactly these conditions; one known before keeps its time."""
        known = {(each.type, each.message): each for each in self.conditions}
        return replace(
            self,
            conditions=tuple(
                known.get((kind, text)) or Condition(type=kind, message=text, since=now)
                for kind, text in sorted(messages.items())
            ),
        )

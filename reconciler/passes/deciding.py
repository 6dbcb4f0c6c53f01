"""What does a pass do with each Application?

Called by the pass with what was compared and what is remembered. The policy itself is
``gitops.policy``; here stands only what it is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gitops.application import ApplicationSpec, Automated, Destination, Source, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison
from gitops.policy import decision as policy
from gitops.policy import retry
from gitops.policy.decision import Action, Decision, Policy, State
from gitops.projects import AppProject
from gitops.records.record import ApplicationRecord, Operation, OperationPhase, Pinned

DEPARTED = "departed"
"""What stands for a revision of an Application that is no longer in Git."""
INTERRUPTED = (OperationPhase.RUNNING, OperationPhase.ERROR)
"""How the operation of a pass looks that was killed, and of one that was ended."""
PRUNE_WAITS = "PruneWaits"
"""The condition of an Application with objects that a sync was not allowed to delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything a pass knows of one Application.

    Args:
        name: the Application.
        comparison: how it differs from Git.
        target: None for one that has left Git.
        wanted: what Git's own content is called; while the Application is rolled back, its target
            is another.
        record: None before the first pass.
        asked: a person wants it synced now.
        varies: it renders differently every time.
        holds_deletion: why nothing may be deleted in this pass; empty where it may.
    """

    name: str
    comparison: Comparison
    target: ApplicationTarget | None = None
    wanted: str = ""
    record: ApplicationRecord | None = None
    asked: bool = False
    varies: bool = False
    holds_deletion: str = ""

    @property
    def digest(self) -> str:
        """What a sync would apply."""
        return self.target.digest if self.target else DEPARTED

    @property
    def pinned(self) -> Pinned | None:
        """The rollback it stands at; None where it is what Git has."""
        pinned = self.record.pinned if self.record else None
        if pinned is None or pinned.digest != self.wanted or self.digest == self.wanted:
            return None
        return pinned

    @property
    def broken(self) -> bool:
        """Whether it is in Git and cannot be rendered or compared."""
        return self.comparison.error is not None

    @property
    def subject(self) -> str:
        """What errors call it."""
        return self.target.subject if self.target else self.name


def decide(known: Known, projects: Mapping[str, AppProject], *, now: datetime) -> Decision:
    """What is done with an Application in this pass.

    Args:
        known: what is known of it.
        projects: all projects by name.
        now: the time, with its zone.
    """
    if known.broken:
        reason = "it cannot be synced, and stays as it is"
        return Decision(action=Action.OUT_OF_SYNC, reason=reason)
    spec = known.target.spec if known.target else _departed(known.name)
    project = projects.get(spec.project)
    asked_about = Policy(
        spec=spec,
        windows=project.sync_windows if project and known.target else (),
        retry=retry.read(spec.sync_policy.retry),
    )
    return policy.decide(asked_about, state(known), now=now)


def state(known: Known) -> State:
    """What the policy is asked about."""
    record = known.record
    return State(
        revision=known.wanted or known.digest,
        synced=not known.comparison.drifts,
        only_prune=known.comparison.only_prune,
        holds_deletion=known.holds_deletion,
        left_deletions=bool(record and record.has_condition(PRUNE_WAITS)),
        resettled=resettled(known),
        last=_last(known),
        paused=bool(record and record.paused),
        rolled_back=record.pinned.digest if record and record.pinned else "",
        asked=known.asked,
    )


def resettled(known: Known) -> bool:
    """Whether the settings of an Application in Git are others than those last synced."""
    record, target = known.record, known.target
    if record is None or target is None or not record.settings:
        return False
    return record.settings != target.settings


def _last(known: Known) -> policy.Operation | None:
    record = known.record
    if record is None:
        return None
    operation, wanted = record.operation, known.wanted or known.digest
    if operation is not None and _tried(operation, known):
        succeeded = operation.phase is OperationPhase.SUCCEEDED
        if succeeded and known.target and record.digest not in ("", known.digest):
            # Git had another content since, which needed no sync: its objects only moved away.
            return _attempt(operation, record.digest)
        return _attempt(operation, wanted)
    if operation is not None and operation.phase is not OperationPhase.SUCCEEDED:
        # Something of another content has been applied since; this one is news again.
        return _attempt(operation, f"{operation.digest} {operation.settings}")
    if record.digest and record.digest == known.digest:
        # It was seen synced without a sync of ours: a person's run, or a record that was lost.
        return policy.Operation(
            revision=wanted, succeeded=True, ended=datetime.fromtimestamp(0, UTC)
        )
    return _attempt(operation, operation.digest) if operation else None


def _attempt(operation: Operation, revision: str) -> policy.Operation:
    return policy.Operation(
        revision=revision,
        succeeded=operation.phase is OperationPhase.SUCCEEDED,
        ended=operation.finished or operation.started,
        retries=operation.retries,
        interrupted=operation.phase in INTERRUPTED,
    )


def _tried(operation: Operation, known: Known) -> bool:
    """Whether the last sync was an attempt at what Git says: other settings are another attempt,
    as they may be what it lacked, such as a confirmation."""
    settings = known.target.settings if known.target else ""
    return operation.digest == known.digest and operation.settings in ("", settings)


def _departed(name: str) -> ApplicationSpec:
    # Its set removes it, whatever its own policy was (ArgoCD, "ApplicationSet": deletion).
    return ApplicationSpec(
        name=name,
        category="",
        application_set="",
        project="",
        source=Source(path=""),
        destination=Destination(namespace=""),
        # there is no other revision that could end its retries
        sync_policy=SyncPolicy(
            automated=Automated(prune=True, self_heal=True), retry={"limit": retry.FOR_EVER}
        ),
    )

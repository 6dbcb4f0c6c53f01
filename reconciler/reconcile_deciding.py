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
from gitops.records.record import ApplicationRecord, OperationPhase

DEPARTED = "departed"
"""What stands for a revision of an Application that is no longer in Git."""


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
    """

    name: str
    comparison: Comparison
    target: ApplicationTarget | None = None
    wanted: str = ""
    record: ApplicationRecord | None = None
    asked: bool = False
    varies: bool = False

    @property
    def digest(self) -> str:
        """What a sync would apply."""
        return self.target.digest if self.target else DEPARTED

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
        only_prune=known.comparison.only_prune and known.target is not None,
        last=_last(known),
        paused=bool(record and record.paused),
        rolled_back=record.pinned.digest if record and record.pinned else "",
        asked=known.asked,
    )


def _last(known: Known) -> policy.Operation | None:
    record = known.record
    if record is None:
        return None
    operation = record.operation
    if operation is not None and operation.digest == known.digest:
        return policy.Operation(
            revision=known.wanted or known.digest,
            succeeded=operation.phase is OperationPhase.SUCCEEDED,
            ended=operation.finished or operation.started,
            retries=operation.retries,
        )
    if record.digest and record.digest == known.digest:
        # It was seen synced without a sync of ours: a person's run, or a record that was lost.
        return policy.Operation(
            revision=known.wanted or known.digest,
            succeeded=True,
            ended=datetime.fromtimestamp(0, UTC),
        )
    if operation is None:
        return None
    return policy.Operation(
        revision=operation.digest,
        succeeded=operation.phase is OperationPhase.SUCCEEDED,
        ended=operation.finished or operation.started,
        retries=operation.retries,
    )


def _departed(name: str) -> ApplicationSpec:
    # Its set removes it, whatever its own policy was (ArgoCD, "ApplicationSet": deletion).
    return ApplicationSpec(
        name=name,
        category="",
        application_set="",
        project="",
        source=Source(path=""),
        destination=Destination(namespace=""),
        sync_policy=SyncPolicy(automated=Automated(prune=True, self_heal=True)),
    )

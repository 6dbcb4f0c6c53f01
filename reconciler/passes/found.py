"""What has a pass found of each Application, and what will it do with it?

Made by the pass once it has looked at Git and the cluster, and again after a sync. What is asked of
it is pure; only an Application that may render differently every time is rendered for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gitops.comparison import Comparison
from gitops.deployment.inventory import Inventory
from gitops.errors import HomeOpsError
from gitops.policy.decision import Decision
from gitops.records.record import ApplicationRecord, SyncStatus
from gitops.target import Target
from reconciler.passes import outcomes
from reconciler.passes.deciding import Known, decide
from reconciler.passes.looking import Looking
from reconciler.passes.seen import Seen
from reconciler.passes.unseen import Unseen, with_unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a pass knows at one moment.

    Args:
        git: what Git has.
        target: the same, with what is rolled back as it was then.
        seen: the cluster, compared with that.
        known: everything known of each Application.
        decisions: what is done with each.
        shared: what is no Application's own.
        unseen: what of that the cluster does not show.
        state: the last deployment, where it is needed.
    """

    git: Target
    target: Target
    seen: Seen
    known: Mapping[str, Known]
    decisions: Mapping[str, Decision]
    shared: str
    unseen: Unseen = field(default_factory=dict)
    state: Future[Inventory] | None = None

    @property
    def wanted(self) -> dict[str, Comparison]:
        """The Applications to sync, each with how it differs."""
        return outcomes.wanted(self.known, self.decisions)

    @property
    def held(self) -> frozenset[str]:
        """The Applications that a run of everything leaves as they are."""
        return outcomes.held(self.known, self.decisions)

    @property
    def in_order(self) -> list[str]:
        """The Applications that are what Git says, and to be left so."""
        others = self.held.union(self.wanted)
        return [
            name
            for name, each in self.known.items()
            if each.comparison.status is SyncStatus.SYNCED and name not in others
        ]

    def once_seen(self, seen: Seen, *, done: Collection[str]) -> Found:
        """The same, with the cluster looked at again.

        Args:
            seen: how it is now.
            done: the Applications of which everything was applied.
        """
        known = {n: replace(each, comparison=seen.of(n)) for n, each in self.known.items()}
        left = {name: each for name, each in self.unseen.items() if name not in done}
        return replace(self, seen=seen, known=with_unseen(known, left), unseen=left)


def known_of(
    looking: Looking,
    git: Target,
    target: Target,
    seen: Seen,
    records: Mapping[str, ApplicationRecord],
    asked: frozenset[str],
) -> dict[str, Known]:
    """Everything known of each Application, by name.

    Args:
        looking: renders once more what may vary.
        git: what Git has.
        target: what should be.
        seen: the cluster, compared with that.
        records: what earlier passes remember.
        asked: the Applications a person wants synced.
    """
    wanted = {each.spec.name: each.digest for each in git.applications}
    targets = {each.spec.name: each for each in target.applications}
    found: dict[str, Known] = {}
    for name, comparison in sorted(seen.comparisons.items()):
        record = records.get(name)
        known = Known(
            name=name,
            comparison=comparison,
            target=targets.get(name),
            wanted=wanted.get(name, ""),
            record=record,
            asked=name in asked,
            holds_deletion=target.holds_deletion,
        )
        try:
            if record is not None and looking.varies(known):
                # No other content of Git, so no reason to sync where drift would be none.
                known = replace(known, wanted=record.digest, varies=True)
        except HomeOpsError as error:
            known = replace(known, comparison=replace(comparison, error=error))
        found[name] = known
    return found


def decisions_about(target: Target, known: Mapping[str, Known]) -> dict[str, Decision]:
    """What policy says of each Application now.

    Args:
        target: the projects.
        known: what is known of the Applications.
    """
    projects = {each.name: each for each in target.projects}
    now = datetime.now(UTC)
    return {name: decide(each, projects, now=now) for name, each in known.items()}


def next_change(
    target: Target, known: Mapping[str, Known], records: Mapping[str, ApplicationRecord]
) -> datetime | None:
    """When a decision will be another by itself, after all that was done.

    Args:
        target: the projects.
        known: what is known of the Applications.
        records: what is remembered of them from now on.
    """
    after = {n: replace(k, record=records[n], asked=False) for n, k in known.items()}
    due = (each.at for each in decisions_about(target, after).values())
    return min((at for at in due if at is not None), default=None)

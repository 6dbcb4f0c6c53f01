"""What does a pass say and remember of what it found and did?

Called by the pass at its end: one entry of the report and one record for each Application.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cluster.application_records import Records
from gitops.records.record import ApplicationRecord
from gitops.target import Target
from reconciler.passes import conditions
from reconciler.passes.deciding import Known
from reconciler.passes.found import Found
from reconciler.passes.records import After, Synced, next_record
from reconciler.passes.report import ApplicationReport, Report
from reconciler.passes.workspace import Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of one pass.

    Args:
        report: is told of every Application.
        before: what was found before anything was done.
        after: what was found afterwards.
        synced: what became of the Applications that were to be synced.
        orphaned: what is to be said of objects that belong to none, by Application.
        missed: the same of what only a run of everything has found; an empty text where such a run
            has found nothing.
        commit_of: what an Application is at.
    """

    report: Report
    before: Found
    after: Found
    synced: Mapping[str, Synced] = field(default_factory=dict)
    orphaned: Mapping[str, str] = field(default_factory=dict)
    missed: Mapping[str, str] = field(default_factory=dict)
    commit_of: Callable[[Known], Commit]

    def tell(self) -> dict[str, ApplicationRecord]:
        """Report every Application; what is remembered of each from now on, by name."""
        told = [self._told(known) for known in self.after.known.values()]
        self.report.applications.extend(told)
        return {each.name: each.record for each in told}

    def _told(self, known: Known) -> ApplicationReport:
        name, seen, synced = known.name, self.after.seen, self.synced.get(known.name)
        resources = seen.statuses.get(name, ())
        after = After(
            comparison=known.comparison,
            health=conditions.health_of(known.comparison, resources, known),
            resources=resources,
            equal=seen.equal.get(name),
            conditions=self._conditions(known),
            synced=synced,
        )
        now = datetime.now(UTC).replace(microsecond=0)
        return ApplicationReport(
            name=name,
            subject=known.subject,
            found=self.before.known[name].comparison,
            decision=self.before.decisions[name],
            comparison=known.comparison,
            health=after.health,
            record=next_record(known, after, self.commit_of(known), now=now),
            synced=synced,
            target=known.target,
        )

    def _conditions(self, known: Known) -> dict[str, str]:
        found = conditions.conditions(
            known,
            known.comparison,
            self.synced.get(known.name),
            decision=self.before.decisions[known.name],
            orphaned=self.orphaned.get(known.name, ""),
            missed=self.missed.get(known.name),
        )
        if alarm := found.get(conditions.MISSED_CHANGE):
            self.report.warn(f"{known.name}: {alarm}")
        return found


def remember(
    store: Records, report: Report, target: Target, records: Mapping[str, ApplicationRecord]
) -> None:
    """Write the records that have changed, and remove those of Applications that are gone.

    Args:
        store: where they are.
        report: what the pass says of each Application.
        target: what Git has.
        records: what earlier passes remember.

    Raises:
        ClusterError: the cluster does not answer or refuses.
    """
    in_git = {each.spec.name for each in target.applications}
    reported = {each.name for each in report.applications}
    gone = {
        each.name
        for each in report.applications
        if each.name not in in_git and not each.comparison.drifts
    }
    if not target.errors:  # else nobody knows what has left Git
        gone |= records.keys() - reported
    report.written = store.write(
        each.record for each in report.applications if each.name not in gone
    )
    store.remove(gone & records.keys())

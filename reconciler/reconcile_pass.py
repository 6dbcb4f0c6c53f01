"""What happens in one pass, step by step?

Made and run by ``reconcile`` while it holds the lease. Each step is a module of its own; here
stands their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster.application_records import Records, ensure_definition
from cluster.connection import Connection
from cluster.schemas import Schemas
from cluster.stack_memory import read_memory, write_memory
from gitops.config import Settings
from gitops.errors import HomeOpsError
from gitops.health import UserRules
from gitops.ignoring.apply import LiveOwners
from gitops.inventory import Inventory
from gitops.orphans import LiveObject
from gitops.policy.decision import Decision
from gitops.records.record import ApplicationRecord, SyncStatus
from gitops.sharding.division import Division
from gitops.stack_names import main_stack
from gitops.target import Target
from reconciler import reconcile_conditions, reconcile_syncing
from reconciler.events import Event
from reconciler.reconcile_asked import NOTHING, Asked, Request
from reconciler.reconcile_base import HEALED, drifted, heals
from reconciler.reconcile_deciding import Known, decide
from reconciler.reconcile_looking import Looking, Seen
from reconciler.reconcile_orphaned import orphaned
from reconciler.reconcile_records import After, Synced, begun, next_record
from reconciler.reconcile_running import UNSURE, left_undone, run_sync
from reconciler.reconcile_shards import Sharing
from reconciler.report import ApplicationReport, Report, timed
from reconciler.slices import read_ahead
from reconciler.stopping import Stop
from reconciler.sync_request import SyncRequest, shared_digest
from reconciler.sync_results import SyncResult
from reconciler.workspace import Commit, Workspace


@dataclass(slots=True, kw_only=True)
class Pass:
    """One pass of one stack, at one commit.

    Args:
        report: what is found and done is written down here as it happens.
        stack: the stack's name.
        settings: the config of the commit.
        root: the tree of the commit.
        commit: the commit.
        workspace: other commits, for rollbacks.
        connection: the cluster.
        rules: the user's own health scripts.
        asked: what a person wants of it.
        looks_only: nothing is synced and nothing written.
        stop: ends the pass before it is done.
        on_event: told what the engine does while it runs.
    """

    report: Report
    stack: str
    settings: Settings
    root: Path
    commit: Commit
    workspace: Workspace
    connection: Connection
    rules: UserRules
    asked: Asked = NOTHING
    looks_only: bool = False
    stop: Stop
    on_event: Callable[[Event], None] = lambda _: None
    _records: Mapping[str, ApplicationRecord] = field(default_factory=dict)
    _memory: Mapping[str, str] = field(default_factory=dict)
    _left: str = ""
    _request: Request = field(init=False)
    _heals: bool = False
    _orphaned: Mapping[str, str] = field(default_factory=dict)
    _division: Division | None = None

    def run(self) -> None:
        """Do it.

        Raises:
            HomeOpsError: Git or the cluster cannot be read, or the engine's tools are missing.
        """
        namespace = self.settings.bootstrap.namespace
        store = Records(self.connection, namespace=namespace, stack=main_stack(self.stack))
        with timed(self.report.timings, "records"):
            self._records = store.read()
            self._memory = read_memory(self.connection, namespace=namespace, stack=self.stack)
        looking = self._looking()
        git = looking.git()
        self._records = looking.records = looking.sharing.of_own(self._records)
        self._request = self.asked.settle(git, self._records, self.commit.id)
        self._records = looking.records = self._request.records
        self.report.asked = self._request.names
        target = looking.with_rollbacks(git, asked=self._request.rollbacks)
        target = self._request.permitting(target)
        state = looking.state or self._read_ahead(target)
        seen = looking.look(target)
        known = self._known(looking, git, target, seen)
        decisions = looking.unless_waiting(self._decisions(target, known))
        synced: dict[str, Synced] = {}
        before = known
        wanted = reconcile_syncing.wanted(known, decisions)
        shared = shared_digest(self.root, self.stack, target)
        self.report.base = () if self._request else looking.base(target)
        due = self._full_run_due(shared) or self._recovers(target, known, state)
        self._heals = not due and heals(self.report.base, self.settings, target, self._memory)
        self.report.full = due or self._heals
        if (wanted or self.report.full) and not self.looks_only:
            self.stop.check()
            began = datetime.now(UTC).replace(microsecond=0)
            store.write(
                begun(known[name], decisions[name], self._commit(known[name]), began)
                for name in wanted
            )
            live = seen.owned, looking.owners(seen)
            self._division = looking.sharing.division
            result = self._sync(git, target, known, decisions, shared, live, state)
            seen = looking.look_again(target, seen, () if self.report.full else tuple(wanted))
            if self.report.base and self.report.full:
                self.report.base = looking.base(target)
            known = {n: replace(each, comparison=seen.of(n)) for n, each in known.items()}
            synced = reconcile_syncing.outcomes(
                known,
                decisions,
                result,
                started=began,
                interrupted=result.killed or bool(self.stop.reason),
            )
        known = self._request.came_of_it(known, synced, ran=bool(self.report.runs))
        self._orphaned = self._belonging_to_none(target, seen)
        with timed(self.report.timings, "remember"):
            for name, each in known.items():
                self._report(each, before[name], decisions[name], seen, synced.get(name))
            self.report.next = looking.sharing.sooner(self._next(target, known))
            if not self.looks_only:
                self._remember(store, target)

    def _read_ahead(self, target: Target) -> Future[Inventory] | None:
        """Begin to read the engine's state where there is more than likely something to sync."""
        news = reconcile_syncing.has_news(target.applications, self._records)
        return read_ahead(self.root, self.stack) if news and not self.looks_only else None

    def _belonging_to_none(self, target: Target, seen: Seen) -> dict[str, str]:
        return orphaned(
            target,
            seen.owned,
            settings=self.settings,
            stack=self.stack,
            connection=self.connection,
            report=self.report,
        )

    def _looking(self) -> Looking:
        return Looking(
            report=self.report,
            stack=main_stack(self.stack),
            settings=self.settings,
            root=self.root,
            workspace=self.workspace,
            connection=self.connection,
            rules=self.rules,
            records=self._records,
            read_state=lambda: read_ahead(self.root, self.stack),
            sharing=Sharing(stack=self.stack, settings=self.settings, root=self.root),
        )

    def _known(self, looking: Looking, git: Target, target: Target, seen: Seen) -> dict[str, Known]:
        wanted = {each.spec.name: each.digest for each in git.applications}
        targets = {each.spec.name: each for each in target.applications}
        found: dict[str, Known] = {}
        for name, comparison in sorted(seen.comparisons.items()):
            application, record = targets.get(name), self._records.get(name)
            known = Known(
                name=name,
                comparison=comparison,
                target=application,
                wanted=wanted.get(name, ""),
                record=record,
                asked=name in self._request.names,
            )
            try:
                if record is not None and looking.varies(known):
                    # No other content of Git, so no reason to sync where drift would be none.
                    known = replace(known, wanted=record.digest, varies=True)
            except HomeOpsError as error:
                known = replace(known, comparison=replace(comparison, error=error))
            found[name] = known
        return found

    def _decisions(self, target: Target, known: Mapping[str, Known]) -> dict[str, Decision]:
        projects = {each.name: each for each in target.projects}
        now = datetime.now(UTC)
        found = {name: decide(each, projects, now=now) for name, each in known.items()}
        return self._request.narrowed(found, known)

    def _next(self, target: Target, known: Mapping[str, Known]) -> datetime | None:
        """When a decision will be another by itself, after all that was done."""
        records = {each.name: each.record for each in self.report.applications}
        after = {n: replace(k, record=records[n], asked=False) for n, k in known.items()}
        projects = {each.name: each for each in target.projects}
        now = datetime.now(UTC)
        due = (decide(each, projects, now=now).at for each in after.values())
        return min((at for at in due if at is not None), default=None)

    def _commit(self, known: Known) -> Commit:
        """What an Application is at: the commit of the pass, or the one it is rolled back to."""
        return self.workspace.commit(known.pinned.revision) if known.pinned else self.commit

    def _full_run_due(self, shared: str) -> bool:
        if self._request and reconcile_syncing.SHARED in self._memory:
            return False  # the next pass of its own accord sees to that
        return reconcile_syncing.full_run_due(
            self._memory,
            shared,
            every=self.settings.reconciler.full_run_every,
            now=datetime.now(UTC),
        )

    def _recovers(
        self, target: Target, known: Mapping[str, Known], state: Future[Inventory] | None
    ) -> bool:
        """Whether an earlier run has left something that only a run of everything puts right."""
        if self._request or self.looks_only:
            return False
        try:
            self._left = left_undone(
                self._memory,
                [n for n, each in known.items() if each.comparison.status is SyncStatus.SYNCED],
                target,
                lambda: state or read_ahead(self.root, self.stack),
                separate_definitions=self.settings.separate_definitions,
            )
        except HomeOpsError as error:
            self.report.errors.append(str(error))
            return False
        if self._left:
            self.report.warn(f"everything was run: {self._left}")
        elif UNSURE in self._memory:
            self._write_memory({n: v for n, v in self._memory.items() if n != UNSURE})
        return bool(self._left)

    def _write_memory(self, values: Mapping[str, str]) -> None:
        namespace = self.settings.bootstrap.namespace
        write_memory(self.connection, values, namespace=namespace, stack=self.stack)
        self._memory = values

    def _sync(
        self,
        git: Target,
        target: Target,
        known: Mapping[str, Known],
        decisions: Mapping[str, Decision],
        shared: str,
        live: tuple[Sequence[LiveObject], LiveOwners],
        state: Future[Inventory] | None,
    ) -> SyncResult:
        request = SyncRequest(
            root=self.root,
            stack=self.stack,
            commit=self.commit.id,
            settings=self.settings,
            target=target,
            wanted=reconcile_syncing.wanted(known, decisions),
            live=live[0],
            owners=live[1],
            schemas=Schemas(self.connection),
            state=state,
            held=reconcile_syncing.held(known, decisions),
            in_git=git.applications,
            part_only=bool(self._request.rollbacks),
            base=drifted(self.report.base),
            division=self._division,
            full=self.report.full,
            stop=self.stop,
            on_event=self.on_event,
        )
        with timed(self.report.timings, "sync"):
            result = run_sync(request, self._memory, self._write_memory)
        if result.full and not self.report.full:
            self.report.warn(f"everything was run: {result.reason}")
        self.report.full = result.full
        self.report.runs = result.runs
        self.report.engine_seconds = result.seconds
        self.report.shared = result.changes.get("")
        if result.error:
            self.report.errors.append(result.error)
        if self.report.full and result.runs and not result.error and not result.killed:
            if self._memory.get(reconcile_syncing.SHARED) == shared and not self._left:
                for name in reconcile_syncing.missed(request.wanted, result):
                    self.report.warn(f"{name}: {reconcile_syncing.MISSED}")
            ensure_definition(self.connection)  # an older version may have left another
            now = datetime.now(UTC).isoformat(timespec="seconds")
            full_run = {reconcile_syncing.SHARED: shared, reconcile_syncing.FULL_RUN: now}
            healed = {HEALED: now} if self._heals else {}
            self._write_memory({**self._memory, **full_run, **healed})
        return result

    def _report(
        self,
        known: Known,
        before: Known,
        decision: Decision,
        seen: Seen,
        synced: Synced | None,
    ) -> None:
        resources = seen.statuses.get(known.name, ())
        after = After(
            comparison=known.comparison,
            health=reconcile_conditions.health_of(known.comparison, resources, known),
            resources=resources,
            equal=seen.equal.get(known.name),
            conditions=reconcile_conditions.conditions(
                known, known.comparison, synced, orphaned=self._orphaned.get(known.name, "")
            ),
            synced=synced,
        )
        now = datetime.now(UTC).replace(microsecond=0)
        self.report.applications.append(
            ApplicationReport(
                name=known.name,
                subject=known.subject,
                found=before.comparison,
                decision=decision,
                comparison=known.comparison,
                health=after.health,
                record=next_record(known, after, self._commit(known), now=now),
                synced=synced,
                target=known.target,
            )
        )

    def _remember(self, store: Records, target: Target) -> None:
        in_git = {each.spec.name for each in target.applications}
        reported = {each.name for each in self.report.applications}
        gone = {
            each.name
            for each in self.report.applications
            if each.name not in in_git and not each.comparison.drifts
        }
        if not target.errors:  # else nobody knows what has left Git
            gone |= self._records.keys() - reported
        self.report.written = store.write(
            each.record for each in self.report.applications if each.name not in gone
        )
        store.remove(gone & self._records.keys())

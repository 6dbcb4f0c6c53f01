"""What happens in one pass, step by step?

Made and run by ``reconcile`` while it holds the lease. Each step is a module of its own; here
stands their order, and what is looked at again after a sync.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster.application_records import Records
from cluster.connection import Connection
from cluster.discovery import ClusterFacts, facts
from cluster.stack_memory import read_memory, write_memory
from gitops.comparison import Comparison
from gitops.config import Settings
from gitops.health import UserRules
from gitops.policy.decision import Decision
from gitops.records.record import ApplicationRecord
from gitops.render import render
from gitops.status.resource import ResourceStatus
from gitops.stores import chart_store, render_cache
from gitops.stores import repositories as other_repositories
from gitops.target import ClusterView, Target, compose
from reconciler import reconcile_conditions, reconcile_syncing
from reconciler.events import Event
from reconciler.reconcile_comparing import Comparing
from reconciler.reconcile_deciding import Known, decide
from reconciler.reconcile_reading import read_live
from reconciler.reconcile_records import After, Synced, next_record
from reconciler.report import ApplicationReport, Report, timed
from reconciler.sync import SyncRequest, SyncResult, shared_digest, sync
from reconciler.workspace import Commit, Workspace

MOST_NAMES = 20  # a longer selector costs more than it saves


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The cluster, looked at once: every Application compared and judged."""

    comparisons: Mapping[str, Comparison]
    equal: Mapping[str, Mapping[str, str]]
    statuses: Mapping[str, tuple[ResourceStatus, ...]]


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
        asked: Applications a person wants synced now, by name or directory.
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
    asked: frozenset[str] = frozenset()
    on_event: Callable[[Event], None] = lambda _: None
    _records: Mapping[str, ApplicationRecord] = field(default_factory=dict)

    def run(self) -> None:
        """Do it.

        Raises:
            HomeOpsError: Git or the cluster cannot be read, or the engine's tools are missing.
        """
        timings, namespace = self.report.timings, self.settings.bootstrap.namespace
        with timed(timings, "records"):
            store = Records(self.connection, namespace=namespace, stack=self.stack)
            self._records = store.read()
            memory = read_memory(self.connection, namespace=namespace, stack=self.stack)
        with timed(timings, "discovery"):
            served = facts(self.connection)
        with timed(timings, "compose"):
            git = self._compose(self.root, served)
            target = self._with_rollbacks(git, served)
        seen = self._look(served, target)
        now = datetime.now(UTC)
        known = self._known(git, target, seen)
        decisions = self._decisions(target, known, now)
        shared = shared_digest(self.root, self.stack, target)
        self.report.full = reconcile_syncing.full_run_due(
            memory, shared, every=self.settings.reconciler.full_run_every, now=now
        )
        found, synced = seen.comparisons, dict[str, Synced]()
        wanted = reconcile_syncing.wanted(known, decisions)
        if wanted or self.report.full:
            with timed(timings, "sync"):
                result = self._sync(target, known, decisions)
            seen = self._look_again(target, seen, () if self.report.full else tuple(wanted))
            known = {name: self._seen(each, seen) for name, each in known.items()}
            synced = reconcile_syncing.outcomes(known, decisions, result, started=now)
            if self.report.full and result.runs and not result.error:
                memory = {
                    reconcile_syncing.SHARED: shared,
                    reconcile_syncing.FULL_RUN: now.isoformat(timespec="seconds"),
                }
                write_memory(self.connection, memory, namespace=namespace, stack=self.stack)
        with timed(timings, "remember"):
            for name, each in known.items():
                reported = self._reported(
                    each, found[name], decisions[name], seen, synced.get(name)
                )
                self.report.applications.append(reported)
            self._remember(store, target)

    def _compose(self, root: Path, served: ClusterFacts) -> Target:
        view = ClusterView(versions=served.versions, served=served.served_kinds(), complete=True)
        return compose(
            self.settings,
            root=root,
            cluster=view,
            charts=chart_store(self.settings, root),
            cache=render_cache(),
            stack=self.stack,
        )

    def _with_rollbacks(self, git: Target, served: ClusterFacts) -> Target:
        """The target in which Applications that are rolled back are as they were then."""
        result = git.applications
        for application in git.applications:
            record = self._records.get(application.spec.name)
            pinned = record.pinned if record else None
            if pinned is None or pinned.digest != application.digest:
                continue
            tree = self.workspace.tree_at(pinned.revision)
            older = {each.spec.name: each for each in self._compose(tree, served).applications}
            then = older.get(application.spec.name)
            if then is not None:
                result = tuple(then if each is application else each for each in result)
        return replace(git, applications=result)

    def _look(self, served: ClusterFacts, target: Target, names: Collection[str] = ()) -> Seen:
        """List, compare and judge, all Applications or some."""
        few = names if len(names) <= MOST_NAMES else ()
        with timed(self.report.timings, "live"):
            live = read_live(
                self.connection,
                served,
                target,
                stack=self.stack,
                rules=self.rules,
                applications=few,
            )
        self.report.requests += live.stats.requests
        self.report.size += live.stats.size
        self.report.warnings += [
            f"{each.resource.kind} of {each.resource.api_version} is not compared: {each.reason}"
            for each in live.skipped
            if not names
        ]
        with timed(self.report.timings, "compare"):
            compared = Comparing(
                connection=self.connection,
                facts=served,
                target=target,
                live=live,
                records=self._records,
                system=self.settings.ignore_differences,
                stack=self.stack,
                only=frozenset(names) if few else None,
            ).compare()
        return Seen(
            comparisons=compared.comparisons,
            equal=compared.equal,
            statuses={name: tuple(each) for name, each in live.statuses.items()},
        )

    def _look_again(self, target: Target, before: Seen, names: Collection[str]) -> Seen:
        """After a sync: what it was about, or everything when it ran everything."""
        again = self._look(facts(self.connection), target, names)
        if not names or len(names) > MOST_NAMES:
            return again
        others = {n: each for n, each in before.comparisons.items() if n not in names}
        return Seen(
            comparisons={**others, **again.comparisons},
            equal={**{n: e for n, e in before.equal.items() if n not in names}, **again.equal},
            statuses={
                **{n: e for n, e in before.statuses.items() if n not in names},
                **again.statuses,
            },
        )

    def _known(self, git: Target, target: Target, seen: Seen) -> dict[str, Known]:
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
                asked=bool(self.asked & {name, application.subject if application else name}),
            )
            if reconcile_conditions.may_vary(known) and self._varies(known) and record:
                # Not another content of Git, so no reason to sync where drift would be none.
                known = replace(known, wanted=record.digest, varies=True)
            found[name] = known
        return found

    def _varies(self, known: Known) -> bool:
        """Render an Application twice and see."""
        if reconcile_conditions.is_known_to_vary(known.record):
            return True
        assert known.target is not None
        first, second = (
            [
                each.body
                for each in render(
                    known.target.spec,
                    root=self.root,
                    versions=facts(self.connection).versions,
                    charts=chart_store(self.settings, self.root),
                    load_restrictor=self.settings.load_restrictor,
                    repositories=other_repositories(self.settings, self.root)
                    if self.settings.argocd
                    else None,
                )
            ]
            for _ in range(2)
        )
        return first != second

    def _seen(self, known: Known, seen: Seen) -> Known:
        nothing = Comparison(application=known.name)
        return replace(known, comparison=seen.comparisons.get(known.name, nothing))

    def _decisions(
        self, target: Target, known: Mapping[str, Known], now: datetime
    ) -> dict[str, Decision]:
        projects = {each.name: each for each in target.projects}
        decisions = {name: decide(each, projects, now=now) for name, each in known.items()}
        self.report.next = min((d.at for d in decisions.values() if d.at), default=None)
        return decisions

    def _sync(
        self, target: Target, known: Mapping[str, Known], decisions: Mapping[str, Decision]
    ) -> SyncResult:
        result = sync(
            SyncRequest(
                root=self.root,
                stack=self.stack,
                target=target,
                wanted=reconcile_syncing.wanted(known, decisions),
                held=reconcile_syncing.held(known, decisions),
                full=self.report.full,
                on_event=self.on_event,
            )
        )
        self.report.runs = result.runs
        self.report.engine_seconds = result.seconds
        self.report.shared = result.changes.get("")
        if result.error:
            self.report.errors.append(result.error)
        return result

    def _reported(
        self,
        known: Known,
        found: Comparison,
        decision: Decision,
        seen: Seen,
        synced: Synced | None,
    ) -> ApplicationReport:
        resources = seen.statuses.get(known.name, ())
        health = reconcile_conditions.health_of(known.comparison, resources, known)
        after = After(
            comparison=known.comparison,
            health=health,
            resources=resources,
            equal=seen.equal.get(known.name),
            conditions=reconcile_conditions.conditions(known, known.comparison, synced),
            synced=synced,
        )
        now = datetime.now(UTC).replace(microsecond=0)
        return ApplicationReport(
            name=known.name,
            subject=known.subject,
            found=found,
            decision=decision,
            comparison=known.comparison,
            health=health,
            record=next_record(known, after, self.commit, now=now),
            synced=synced,
        )

    def _remember(self, store: Records, target: Target) -> None:
        in_git = {each.spec.name for each in target.applications}
        gone = [
            each.name
            for each in self.report.applications
            if each.name not in in_git and not each.comparison.drifts
        ]
        reported = {each.name for each in self.report.applications}
        if not target.errors:
            gone += [name for name in self._records if name not in reported]
        kept = (each.record for each in self.report.applications if each.name not in gone)
        self.report.written = store.write(kept)
        store.remove(name for name in gone if name in self._records)

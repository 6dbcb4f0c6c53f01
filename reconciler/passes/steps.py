"""What happens in one pass, step by step?

Made and run by ``reconcile`` while it holds the lease. Each step is a module of its own; here
stands their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cluster.application_records import Records, ensure_definition
from cluster.connection import Connection
from cluster.schemas import Schemas
from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import definitions_stack, main_stack
from gitops.errors import HomeOpsError
from gitops.health import UserRules
from gitops.records.record import ApplicationRecord
from gitops.target import Target
from reconciler.engine.events import Event
from reconciler.passes import outcomes as reconcile_syncing
from reconciler.passes.asked import NOTHING, Asked, Request
from reconciler.passes.base import drifted, heals
from reconciler.passes.deciding import Known
from reconciler.passes.ending import Ending, remember
from reconciler.passes.found import Found, decisions_about, known_of, next_change
from reconciler.passes.kept import Kept
from reconciler.passes.looking import Looking
from reconciler.passes.memory import TRIED, Memory
from reconciler.passes.orphaned import orphaned
from reconciler.passes.own_shard import Sharing
from reconciler.passes.records import Synced, begun
from reconciler.passes.report import Report, timed
from reconciler.passes.running import UNSURE, left_undone, run_sync
from reconciler.passes.stopping import Stop
from reconciler.passes.unseen import Unseen, find_unseen
from reconciler.passes.workspace import Commit, Workspace
from reconciler.syncing.request import SyncRequest, shared_digest
from reconciler.syncing.results import SyncResult
from reconciler.syncing.slices import last_deployment, read_ahead


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
        kept: what earlier passes of the same process have found.
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
    kept: Kept | None = None
    _records: Mapping[str, ApplicationRecord] = field(default_factory=dict)
    _memory: Memory = field(init=False)
    _request: Request = field(init=False)
    _left: str = ""
    _heals: bool = False
    _missed: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Do it.

        Raises:
            HomeOpsError: Git or the cluster cannot be read, or the engine's tools are missing.
        """
        store = self._recall()
        looking = self._looking()
        before = after = self._find(looking)
        self.report.base = () if self._request else looking.base(before.target)
        due = self._recovers(before) or self._full_run_due(before.shared)
        self._heals = not due and heals(
            self.report.base, self.settings, before.target, self._memory.values
        )
        self.report.full = due or self._heals
        synced: dict[str, Synced] = {}
        if (before.wanted or self.report.full) and not self.looks_only:
            after, synced = self._act(before, looking, store)
        known = self._request.came_of_it(after.known, synced, ran=bool(self.report.runs))
        ending = Ending(
            report=self.report,
            before=before,
            after=replace(after, known=known),
            synced=synced,
            orphaned=orphaned(
                before.target,
                after.seen.owned,
                settings=self.settings,
                stack=self.stack,
                connection=self.connection,
                report=self.report,
            ),
            missed=self._missed,
            commit_of=self._commit,
        )
        with timed(self.report.timings, "remember"):
            at = next_change(before.target, known, ending.tell())
            self.report.next = looking.sharing.sooner(at)
            if not self.looks_only:
                remember(store, self.report, before.target, self._records)

    def _recall(self) -> Records:
        """Read what earlier passes remember."""
        namespace = self.settings.bootstrap.namespace
        store = Records(self.connection, namespace=namespace, stack=main_stack(self.stack))
        self._memory = Memory(connection=self.connection, namespace=namespace, stack=self.stack)
        with timed(self.report.timings, "records"):
            self._records = store.read()
            self._memory.read()
        return store

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
            read_state=self._read_state,
            sharing=Sharing(stack=self.stack, settings=self.settings, root=self.root),
            commit=self.commit.id,
            kept=self.kept,
        )

    def _find(self, looking: Looking) -> Found:
        """What Git and the cluster are like, and what is to be done about it."""
        git = looking.git()
        self._records = looking.sharing.of_own(self._records)
        self._request = self.asked.settle(git, self._records, self.commit.id)
        self._records = looking.records = self._request.records
        self.report.asked = self._request.names
        target = looking.with_rollbacks(git, asked=self._request.rollbacks)
        target = self._request.permitting(target)
        state = looking.state or self._read_ahead(target)
        seen = looking.look(target)
        known = known_of(looking, git, target, seen, self._records, self._request.names)
        known, unseen = self._unseen(known, lambda: (state or self._read_state()).result())
        decisions = self._request.narrowed(decisions_about(target, known), known)
        found = Found(
            git=git,
            target=target,
            seen=seen,
            known=known,
            decisions=looking.unless_waiting(decisions),
            shared=shared_digest(self.root, self.stack, target),
            unseen=unseen,
        )
        unsure = UNSURE in self._memory.values or self._full_run_due(found.shared)
        is_needed = (found.wanted or unsure) and not self.looks_only
        return replace(found, state=state or self._read_state()) if is_needed else found

    def _unseen(
        self, known: dict[str, Known], state: Callable[[], Inventory]
    ) -> tuple[dict[str, Known], Unseen]:
        if self.looks_only:
            return known, {}
        definitions = partial(last_deployment, self.root, definitions_stack(self.stack))
        return find_unseen(
            known, state, definitions if self.settings.separate_definitions else None
        )

    def _read_ahead(self, target: Target) -> Future[Inventory] | None:
        """Begin to read the engine's state where there is more than likely something to sync."""
        news = reconcile_syncing.has_news(target.applications, self._records)
        return self._read_state() if news and not self.looks_only else None

    def _read_state(self) -> Future[Inventory]:
        return read_ahead(self.root, self.stack)

    def _full_run_due(self, shared: str) -> bool:
        every = self.settings.reconciler.full_run_every
        return self._memory.full_run_due(shared, every=every, asked=bool(self._request))

    def _recovers(self, found: Found) -> bool:
        """Whether an earlier run has left something that only a run of everything puts right."""
        if self._request or self.looks_only:
            return False
        try:
            left = left_undone(
                self._memory.values,
                found.in_order,
                found.target,
                found.state,
                live=frozenset(each.key for each in found.seen.owned),
                separate_definitions=self.settings.separate_definitions,
            )
        except HomeOpsError as error:
            self.report.errors.append(str(error))
            return False
        if left and left == self._memory.values.get(TRIED):
            self._memory.forget(UNSURE)  # what a run of everything has not changed
        elif left:
            self._left = left
            self.report.warn(f"everything was run: {left}")
        elif found.state is not None:
            self._memory.forget(UNSURE, TRIED)
        return bool(self._left)

    def _act(
        self, before: Found, looking: Looking, store: Records
    ) -> tuple[Found, dict[str, Synced]]:
        """Sync, and look at what came of it."""
        self.stop.check()
        wanted, known, decisions = before.wanted, before.known, before.decisions
        began = datetime.now(UTC).replace(microsecond=0)
        store.write(
            begun(known[name], decisions[name], self._commit(known[name]), began) for name in wanted
        )
        result = self._sync(before, looking)
        seen = looking.look_again(
            before.target, before.seen, () if self.report.full else tuple(wanted)
        )
        if self.report.base and self.report.full:
            self.report.base = looking.base(before.target)
        after = before.once_seen(seen, done=reconcile_syncing.applied(wanted, result))
        interrupted = result.killed or bool(self.stop.reason)
        outcomes = reconcile_syncing.outcomes(
            after.known, decisions, result, started=began, interrupted=interrupted
        )
        return after, outcomes

    def _sync(self, found: Found, looking: Looking) -> SyncResult:
        request = SyncRequest(
            root=self.root,
            stack=self.stack,
            commit=self.commit.id,
            settings=self.settings,
            target=found.target,
            wanted=found.wanted,
            live=found.seen.owned,
            owners=looking.owners(found.seen),
            schemas=Schemas(self.connection),
            state=found.state,
            held=found.held,
            in_git=found.git.applications,
            part_only=bool(self._request.rollbacks),
            base=drifted(self.report.base),
            division=looking.sharing.division,
            full=self.report.full,
            stop=self.stop,
            on_event=self.on_event,
        )
        with timed(self.report.timings, "sync"):
            result = run_sync(request, self._memory.values, self._memory.write)
        if result.full and not self.report.full:
            self.report.warn(f"everything was run: {result.reason}")
        self.report.full = result.full
        self.report.runs = result.runs
        self.report.engine_seconds = result.seconds
        self.report.shared = result.changes.get("")
        if result.error:
            known = result.error in self.report.errors  # of a state that cannot be read
            self.report.errors.extend(() if known else (result.error,))
        elif result.full and result.runs and not result.killed:
            self._ran_everything(found, result)
        return result

    def _ran_everything(self, found: Found, result: SyncResult) -> None:
        # where it was done for a reason, it is no wonder that it has changed something
        if self._memory.was_for(found.shared) and not self._left and not result.reason:
            self._missed = reconcile_syncing.missed(found.in_order, result)
        ensure_definition(self.connection)  # an older version may have left another
        self._memory.ran_everything(found.shared, left=self._left, healed=self._heals)

    def _commit(self, known: Known) -> Commit:
        """What an Application is at: the commit of the pass, or the one it is rolled back to."""
        return self.workspace.commit(known.pinned.revision) if known.pinned else self.commit

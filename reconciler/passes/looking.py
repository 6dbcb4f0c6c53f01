"""What do Git and the cluster say of a stack right now?

Called by the pass before it decides, and again after a sync. Git is rendered for the cluster at
hand, the cluster listed, and the two compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.connection import FORBIDDEN, Connection, StatusError
from cluster.discovery import ClusterFacts, facts
from cluster.own_rights import within_own_rights
from gitops.argocd.set_policy import Made, recalled
from gitops.comparison import Comparison
from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.health import UserRules
from gitops.ignoring.apply import LiveOwners
from gitops.objects.manifest import ResourceKey
from gitops.policy.decision import Decision
from gitops.records.record import ApplicationRecord
from gitops.render import render
from gitops.rights.limits import Limits, limits_of
from gitops.stores import chart_store, render_cache
from gitops.stores import repositories as other_repositories
from gitops.target import ClusterView, Target, compose
from reconciler.passes import conditions
from reconciler.passes.base import compare_base
from reconciler.passes.comparing import Comparing
from reconciler.passes.deciding import Known
from reconciler.passes.equal import found_equal
from reconciler.passes.kept import Kept, Source
from reconciler.passes.own_shard import Sharing
from reconciler.passes.reading import Kind, find_each, read_live
from reconciler.passes.report import Report, timed
from reconciler.passes.rollback import Rollbacks
from reconciler.passes.seen import Seen, kinds_of, seen_again
from reconciler.passes.workspace import Workspace

MOST_NAMES = 20  # a longer selector costs more than it saves


@dataclass(slots=True, kw_only=True)
class Looking:
    """Git at one commit, and one cluster.

    Args:
        report: what it costs is written down here.
        stack: the stack's name.
        settings: the config of the commit.
        root: the tree of the commit.
        workspace: other commits, for rollbacks.
        connection: the cluster.
        rules: the user's own health scripts.
        records: what earlier passes remember.
        read_state: begins to read the engine's state.
        sharing: what of it is the shard's.
        commit: the commit's name.
        kept: what earlier passes of the same process have found.
        state: the state, once somebody has begun to read it.
    """

    report: Report
    stack: str
    settings: Settings
    root: Path
    workspace: Workspace
    connection: Connection
    rules: UserRules
    records: Mapping[str, ApplicationRecord]
    read_state: Callable[[], Future[Inventory]]
    sharing: Sharing
    commit: str
    kept: Kept | None = None
    state: Future[Inventory] | None = None
    _facts: ClusterFacts | None = field(default=None)

    def git(self) -> Target:
        """What Git has.

        Raises:
            DiscoveryError: there is no tree to read.
            ClusterError: the cluster does not answer or refuses.
        """
        with timed(self.report.timings, "discovery"):
            self._facts = facts(self.connection)
        with timed(self.report.timings, "compose"):
            found = self._compose(self.root, self._facts, self.commit)
            found = self.sharing.divided(found)
        for warning in found.warnings:
            self.report.warn(warning)
        return found

    def with_rollbacks(self, git: Target, *, asked: Collection[str] = ()) -> Target:
        """The same with Applications that are rolled back as they were then.

        Args:
            git: what Git has.
            asked: those a person wants rolled back in this pass.

        Raises:
            RollbackError: one of those cannot be.
            RepositoryError: its commit is not there any more.
        """
        served = self._facts or facts(self.connection)
        with timed(self.report.timings, "compose"):
            rollbacks = Rollbacks(
                records=self.records,
                composed=lambda commit: self._compose(
                    self.workspace.tree_at(commit), served, commit
                ),
                warn=self.report.warn,
                asked=asked,
            )
            return rollbacks.applied(git, beside=self.sharing.whole(git).applications)

    def look(
        self, target: Target, names: Collection[str] = (), kinds: Collection[Kind] = ()
    ) -> Seen:
        """List, compare and judge, all Applications or a few of which the kinds are known.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        served = self._facts or facts(self.connection)
        with timed(self.report.timings, "live"):
            live = read_live(
                self.connection,
                served,
                target,
                stack=self.stack,
                rules=self.rules,
                applications=names,
                kinds=kinds,
                limits=self._limits(target),
                kept=None if names else self.kept,
            )
            live = self.sharing.live(live)
        self.report.requests += live.stats.requests
        self.report.size += live.stats.size
        for each in live.skipped:
            kind = f"{each.resource.kind} of {each.resource.api_version}"
            self.report.warn(f"{kind} is not compared: {each.reason}")
        with timed(self.report.timings, "compare"):
            compared = Comparing(
                connection=self.connection,
                facts=served,
                target=target,
                live=live,
                records=self.records,
                system=self.settings.ignore_differences,
                stack=self.stack,
                only=frozenset(names) if names else None,
                before=found_equal(self.sharing.stack, self.connection.server),
            ).compare()
        return Seen(
            comparisons=compared.comparisons,
            equal=compared.equal,
            statuses={name: tuple(each) for name, each in live.statuses.items()},
            owned=live.owned,
        )

    def _limits(self, target: Target) -> Limits | None:
        records = (each.namespace for each in self.records.values())
        return limits_of(self.settings, self.sharing.whole(target), others=records)

    def base(self, target: Target) -> tuple[Comparison, ...]:
        """The bootstrap and the namespaces of Applications against the cluster.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        if not self.sharing.is_first:
            return ()
        served, whole = self._facts or facts(self.connection), self.sharing.whole(target)
        try:
            with timed(self.report.timings, "compare"):
                return compare_base(self.connection, served, self.settings, whole, stack=self.stack)
        except StatusError as error:
            if error.code != FORBIDDEN:
                raise
            self.report.warn(f"the bootstrap and the namespaces are not compared: {error}")
            return ()

    def unless_waiting(self, decisions: Mapping[str, Decision]) -> dict[str, Decision]:
        """The decisions, without the syncs that another shard has to come before."""
        return self.sharing.waiting(decisions, self._facts or facts(self.connection))

    def owners(self, seen: Seen) -> LiveOwners:
        """Who owns which field of live objects."""
        served = self._facts or facts(self.connection)

        def find(keys: Sequence[ResourceKey]) -> dict[ResourceKey, dict[str, Any]]:
            return find_each(self.connection, served, keys)

        return LiveOwners(listed={each.key: each.body for each in seen.owned}, find=find)

    def look_again(self, target: Target, before: Seen, names: Collection[str]) -> Seen:
        """After a sync: what it was about, or everything where that is not a few Applications.

        Raises:
            ClusterError: the cluster does not answer or refuses.
        """
        self._facts = facts(self.connection)  # what was applied may have defined kinds
        if not names or len(names) > MOST_NAMES:
            return self.look(target)
        now = self.look(target, names, kinds_of(target, before, names))
        return seen_again(before, now, names)

    def varies(self, known: Known) -> bool:
        """Whether the same source renders to something else every time.

        Asked only where a target has changed and nothing it is rendered from has; then it is
        rendered twice, without the cache.

        Raises:
            RenderError: it cannot be rendered.
        """
        if not conditions.may_vary(known) or known.target is None:
            return False
        if conditions.is_known_to_vary(known.record):
            return True
        first, second = (self._rendered(known) for _ in range(2))
        return first != second

    def _rendered(self, known: Known) -> list[object]:
        assert known.target is not None
        settings = self.settings
        manifests = render(
            known.target.spec,
            root=self.root,
            versions=(self._facts or facts(self.connection)).versions,
            charts=chart_store(settings, self.root),
            load_restrictor=settings.load_restrictor,
            repositories=other_repositories(settings, self.root) if settings.argocd else None,
        )
        return [each.body for each in manifests]

    def _compose(self, root: Path, served: ClusterFacts, commit: str) -> Target:
        view = ClusterView(versions=served.versions, served=served.served_kinds(), complete=True)
        source = Source(
            commit=commit, root=root, settings=self.settings, view=view, stack=self.stack
        )
        target = self.kept.target(source) if self.kept else None
        if target is None:
            target = compose(
                self.settings,
                root=root,
                cluster=view,
                charts=chart_store(self.settings, root),
                cache=render_cache(),
                stack=self.stack,
                recall=self._recall,
            )
            if self.kept:
                self.kept.keep_target(source, target)
        return within_own_rights(self.connection, self.settings, target)

    def _recall(self, names: frozenset[str] | None) -> Mapping[str, Made]:
        """What sets have made; the state is read only where that matters."""
        if self.state is None and names and self.records and self.records.keys() <= names:
            return {}
        self.state = self.state or self.read_state()
        return recalled(self.state.result())

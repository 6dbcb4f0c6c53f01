"""What is one pass, and what is kept from one to the next?

Called by `gitops reconcile`. A pass holds the stack's lease, reads Git and the cluster, compares,
decides for each Application, starts the engine only where something is to be done, and remembers
what came of it. Between passes stay the connections; nothing that is kept decides anything alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster import lease
from cluster.connection import Connection, connect
from cluster.stack_memory import ensure_namespace
from gitops.config import Settings
from gitops.configuration.reconciler_settings import ReconcilerSettings
from gitops.errors import ConfigError, HomeOpsError
from gitops.health import UserRules
from reconciler.events import Event
from reconciler.project import find_root, stack_settings
from reconciler.reconcile_pass import Pass
from reconciler.report import Report, timed
from reconciler.workspace import RepositoryError, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a reconciler is started with.

    Args:
        stack: the stack's name.
        repository: where Git is; what the config says when empty, else the repository at hand.
        revision: the branch, tag or commit; what the config says when empty.
        folder: where the repository at hand is looked for.
        looks_only: compare and decide, but sync nothing and write nothing, not even the lease.
        on_event: told what the engine does while it runs.
    """

    stack: str
    repository: str = ""
    revision: str = ""
    folder: Path
    looks_only: bool = False
    on_event: Callable[[Event], None] = lambda _: None


class Reconciler:
    """Runs passes for one stack.

    Args:
        options: the stack and its repository.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._connection: Connection | None = None
        self._workspace: Workspace | None = None
        self._rules: UserRules | None = None
        self._revision = options.revision
        self.interval = ReconcilerSettings().interval

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._rules is not None:
            self._rules.__exit__(kind, error, traceback)
        if self._connection is not None:
            self._connection.close()

    def run(self, *, asked: frozenset[str] = frozenset()) -> Report:
        """One pass; whatever goes wrong is in its report.

        Args:
            asked: Applications a person wants synced now, by name or directory.
        """
        report = Report(stack=self._options.stack, started=datetime.now(UTC).replace(microsecond=0))
        try:
            with timed(report.timings, "prepare"):
                settings, workspace = self._prepared()
                connection = self._connected(settings)
            if self._options.looks_only:
                self._look(report, workspace, connection, asked)
                return report
            namespace = settings.bootstrap.namespace
            with timed(report.timings, "lease"):
                ensure_namespace(connection, namespace)
            identity = _identity()
            os.environ[lease.ENVIRONMENT] = identity  # for the program, which the engine starts
            with lease.held(
                connection, namespace=namespace, stack=self._options.stack, identity=identity
            ):
                self._look(report, workspace, connection, asked)
        except lease.LeaseHeldError as error:
            report.held = str(error)
        except HomeOpsError as error:
            report.errors.append(str(error))
        return report

    def _look(
        self,
        report: Report,
        workspace: Workspace,
        connection: Connection,
        asked: frozenset[str],
    ) -> None:
        with timed(report.timings, "git"):
            try:
                workspace.fetch()
            except RepositoryError as error:
                # What was fetched before is still what Git said last: drift is found and healed.
                report.errors.append(str(error))
            commit = workspace.commit(workspace.resolve(self._revision))
            root = workspace.check_out(commit.id)
            settings = stack_settings(root, self._options.stack)
        report.commit = commit.id
        self.interval = settings.reconciler.interval
        Pass(
            report=report,
            stack=self._options.stack,
            settings=settings,
            root=root,
            commit=commit,
            workspace=workspace,
            connection=connection,
            rules=self._user_rules(settings),
            asked=asked,
            looks_only=self._options.looks_only,
            on_event=self._options.on_event,
        ).run()

    def _prepared(self) -> tuple[Settings, Workspace]:
        """The config to begin with, and the working copy; without a repository at hand the copy is
        fetched to read the config from it."""
        options = self._options
        try:
            root = find_root(options.folder)
        except ConfigError:
            if not options.repository:
                raise
            workspace = self._workspace or Workspace(options.repository)
            self._workspace = workspace
            workspace.fetch()
            root = workspace.check_out(workspace.resolve(options.revision))
        settings = stack_settings(root, options.stack)
        if self._workspace is None:
            url = options.repository or settings.source.repo_url or str(root)
            self._workspace = Workspace(url)
        self._revision = options.revision or settings.source.target_revision
        return settings, self._workspace

    def _connected(self, settings: Settings) -> Connection:
        if self._connection is None:
            self._connection = connect(settings.kubernetes.context or None)
        return self._connection

    def _user_rules(self, settings: Settings) -> UserRules:
        if self._rules is not None:
            self._rules.__exit__(None, None, None)
        self._rules = UserRules(settings.health_rules)
        self._rules.__enter__()
        return self._rules


def _identity() -> str:
    return f"gitops reconcile {socket.gethostname()}/{os.getpid()}"

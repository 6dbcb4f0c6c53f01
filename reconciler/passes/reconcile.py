"""What is one pass, and what is kept from one to the next?

Called by `gitops reconcile`. A pass holds the stack's lease, reads Git and the cluster, compares,
decides for each Application, starts the engine only where something is to be done, and remembers
what came of it. Between passes stay the connections, and what was read and is the same the next
time; nothing that is kept decides anything alone.
"""

from __future__ import annotations

import os
import secrets
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster import lease, trigger
from cluster.connection import Connection
from cluster.stack_cluster import connect_to
from cluster.stack_memory import ensure_namespace
from gitops.config import Settings
from gitops.configuration.reconciler_settings import ReconcilerSettings
from gitops.deployment.stack_names import main_stack, shard_index
from gitops.errors import ConfigError, HomeOpsError
from gitops.health import UserRules
from reconciler.commands.project import PROJECT_FILE, find_root, stack_settings
from reconciler.engine.events import Event
from reconciler.passes import processes
from reconciler.passes.asked import NOTHING, Asked
from reconciler.passes.kept import Kept
from reconciler.passes.report import Report, timed
from reconciler.passes.steps import Pass
from reconciler.passes.stopping import Stop
from reconciler.passes.workspace import Workspace
from reconciler.sharding import moving


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
        command: who holds the lease, for others who would have it.
        lease: how long the lease holds without being renewed.
        loops: other passes follow, and what has not changed by then is kept for them.
    """

    stack: str
    repository: str = ""
    revision: str = ""
    folder: Path
    looks_only: bool = False
    on_event: Callable[[Event], None] = lambda _: None
    command: str = "gitops reconcile"
    lease: timedelta = lease.DURATION
    loops: bool = True


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
        self._kept = Kept() if options.loops else None
        self._revision = options.revision
        self._identity = _identity(options.command)
        self._stop: Stop | None = None
        self._ended = ""
        self._namespace = ""
        self.interval = ReconcilerSettings().interval
        self.shards = 1
        self.awaits_first = False

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

    def end(self, reason: str) -> None:
        """End the pass that runs before it is done, and begin no other; from any thread.

        Args:
            reason: why, for people.
        """
        self._ended = reason
        if self._stop is not None:
            self._stop.ask(reason)

    def asked(self) -> str:
        """What was asked for last from outside (``cluster.trigger``); empty before a pass.

        Raises:
            ClusterError: the cluster does not answer.
        """
        if self._connection is None or not self._namespace:
            return ""
        stack = main_stack(self._options.stack)  # who asks means all shards
        return trigger.asked(self._connection, namespace=self._namespace, stack=stack)

    def run(self, *, asked: Asked = NOTHING) -> Report:
        """One pass; whatever goes wrong is in its report.

        Args:
            asked: what a person wants of it.
        """
        stack = self._options.stack
        report = Report(stack=stack, started=datetime.now(UTC).replace(microsecond=0))
        self._stop = stop = Stop(stack)
        if self._ended:
            stop.ask(self._ended)
        try:
            self._run(report, stop, asked)
        except lease.LeaseHeldError as error:
            report.held = str(error)
            report.next = error.until
        except HomeOpsError as error:
            report.errors.append(str(error))
        except OSError as error:
            remedy = "make room, or correct what is wrong with this machine; the next pass goes on"
            report.errors.append(str(HomeOpsError(f"stack {stack}", str(error), remedy=remedy)))
        except Exception as error:
            # A mistake of the program's own ends this pass; the next one may find another tree.
            traceback.print_exc()
            remedy = "report it with the lines above"
            report.errors.append(str(HomeOpsError(f"stack {stack}", repr(error), remedy=remedy)))
        finally:
            self._stop = None
        return report

    def _run(self, report: Report, stop: Stop, asked: Asked) -> None:
        with timed(report.timings, "prepare"):
            settings, workspace = self._prepared()
            connection = self._connected(settings)
        if self._options.looks_only:
            self._look(report, workspace, connection, stop, asked)
            return
        self._namespace = namespace = settings.bootstrap.namespace
        with timed(report.timings, "lease"):
            ensure_namespace(connection, namespace)
        os.environ[lease.ENVIRONMENT] = self._identity  # for the program, which the engine starts
        with lease.held(
            connection,
            namespace=namespace,
            stack=self._options.stack,
            identity=self._identity,
            duration=self._options.lease,
            process=processes.own(),
            has_ended=processes.has_ended,
            on_lost=lambda reason: stop.ask(reason, lease_lost=True),
        ):
            self._look(report, workspace, connection, stop, asked)

    def _look(
        self,
        report: Report,
        workspace: Workspace,
        connection: Connection,
        stop: Stop,
        asked: Asked,
    ) -> None:
        with workspace.locked():
            with timed(report.timings, "git"):
                commit, root, stale = workspace.update(self._revision)
                settings = stack_settings(root, self._options.stack)
            if stale:
                report.errors.append(stale)
            report.commit = commit.id
            self.shards = settings.shards.count
            with timed(report.timings, "shards"):
                if not self._is_arranged(report, settings, root, connection, stop):
                    return
            self.interval = settings.reconciler.interval
            if self._kept is not None:
                self._kept.begin()
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
                stop=stop,
                on_event=self._options.on_event,
                kept=self._kept,
            ).run()

    def _is_arranged(
        self, report: Report, settings: Settings, root: Path, connection: Connection, stop: Stop
    ) -> bool:
        stack = self._options.stack
        if shard_index(stack) >= settings.shards.count:
            report.warn(f"stack {stack}: the config has {settings.shards.count} shards")
            return False
        if not self._options.looks_only:
            self.awaits_first = True
            moved = moving.prepare(
                connection, settings, root, stack, identity=self._identity, check=stop.check
            )
            self.awaits_first = False
            if moved:
                report.warn(f"{len(moved)} Applications have moved to another shard's state")
        return True

    def _prepared(self) -> tuple[Settings, Workspace]:
        """The config to begin with, and the working copy; without a repository at hand the copy is
        fetched to read the config from it."""
        options = self._options
        try:
            root = find_root(options.folder)
        except ConfigError:
            if not options.repository:
                raise
            workspace = self._workspace or Workspace(options.repository, stack=options.stack)
            self._workspace = workspace
            root = workspace.root
            if not (root / PROJECT_FILE).is_file():
                with workspace.locked():
                    _, root, _ = workspace.update(options.revision)
        settings = stack_settings(root, options.stack)
        if self._workspace is None:
            url = options.repository or settings.source.repo_url or str(root)
            self._workspace = Workspace(url, stack=options.stack)
        self._revision = options.revision or settings.source.target_revision
        return settings, self._workspace

    def _connected(self, settings: Settings) -> Connection:
        if self._connection is None:
            self._connection = connect_to(settings.kubernetes)
        return self._connection

    def _user_rules(self, settings: Settings) -> UserRules:
        if self._rules is not None:
            self._rules.__exit__(None, None, None)
        self._rules = UserRules(settings.health_rules)
        self._rules.__enter__()
        return self._rules


def _identity(command: str) -> str:
    # a container that starts again has the same name and number as before
    return f"{command} {socket.gethostname()}/{os.getpid()}-{secrets.token_hex(2)}"

"""When do an Application's hooks run, and what does their end mean for its sync?

Called by the gates of an Application's waves and by the deletion of one that has left Git, from the
engine's callbacks: never in a preview, and only where the Application changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

import pulumi

from cluster.hook_cluster import HookCluster
from cluster.hook_run import HookRunner
from cluster.hook_wait import HookResult
from components.live_cluster import LiveCluster
from gitops.application_target import ApplicationTarget
from gitops.errors import HookError
from gitops.health import UserRule, UserRules
from gitops.objects.manifest import SyncPhase
from gitops.objects.ownership import Ownership
from gitops.syncing.hook_objects import HookOwner
from gitops.syncing.hook_plan import PlannedHook
from gitops.syncing.stages import DEFAULT_TIMEOUT


class HookRuns:
    """The hooks of one Application in one run of the program.

    Args:
        cluster: where they run.
        target: the Application and its hooks.
        stack: what their objects are marked with.
        rules: the user's own health scripts.
    """

    def __init__(
        self,
        cluster: LiveCluster,
        target: ApplicationTarget,
        *,
        stack: str,
        rules: Sequence[UserRule] = (),
    ) -> None:
        self._cluster = cluster
        self._target = target
        self._stack = stack
        self._rules = UserRules(rules)
        self._started = datetime.now(UTC)
        self._runner: HookRunner | None = None
        self._sync_failed = False

    async def run(
        self, phase: SyncPhase, wave: int | None = None, *, keep_succeeded: bool = False
    ) -> None:
        """Run the hooks of a phase, wave after wave, or of one of its waves.

        Objects whose delete policy says so are deleted at the end of the phase (or wave), so that a
        hook finds what the hooks before it made.

        Args:
            phase: whose hooks run.
            wave: only those of this wave.
            keep_succeeded: delete nothing when all have succeeded, so that ``have_succeeded`` can
                tell; the caller deletes it.

        Raises:
            HookError: a hook failed, hangs or was refused; later waves are not run.
            ClusterError: the API server does not answer.
        """
        results: list[HookResult] = []
        with self._rules:
            for together in self._waves(phase, wave):
                results += await self._running().run_wave(together)
                if any(each.error for each in results):
                    break
        if results and not (keep_succeeded and all(each.error is None for each in results)):
            await self._running().clean_up(results)
        self._raise_first(results)

    async def failed(self, error: Exception) -> None:
        """Run the SyncFail hooks, once however often the sync fails, and raise what it failed of.

        Raises:
            Exception: always ``error``; what becomes of the hooks is only logged.
        """
        if not self._sync_failed:
            self._sync_failed = True
            try:
                await self.run(SyncPhase.SYNC_FAIL)
            except Exception as another:  # it must not hide why the sync failed
                pulumi.log.warn(str(another))
        raise error

    async def have_succeeded(self, phase: SyncPhase) -> bool:
        """Whether all hooks of a phase have run for this very sync, as their objects still tell."""
        hooks = self._of(phase)
        with self._rules:
            return all([await self._running().has_succeeded(hook) for hook in hooks])

    def _of(self, phase: SyncPhase) -> list[PlannedHook]:
        return [each for each in self._target.hooks if each.phase is phase]

    def _waves(self, phase: SyncPhase, wave: int | None) -> Iterable[list[PlannedHook]]:
        hooks = [each for each in self._of(phase) if wave is None or each.wave == wave]
        for _, together in groupby(hooks, key=lambda each: each.wave):
            yield list(together)

    def _running(self) -> HookRunner:
        if self._runner is None:
            spec, options = self._target.spec, self._target.default_options
            assert self._cluster.connection is not None
            assert self._cluster.facts is not None
            self._runner = HookRunner(
                HookCluster(
                    self._cluster.connection,
                    self._cluster.facts,
                    user=self._target.account.user if self._target.account else "",
                ),
                HookOwner(
                    subject=self._target.subject,
                    ownership=Ownership(
                        application=spec.name, stack=self._stack, retained=spec.preserved
                    ),
                    digest=self._target.digest,
                    started=self._started,
                ),
                timeout=float(options.timeout or DEFAULT_TIMEOUT),
                validate=options.validate,
                rules=self._rules,
                report=self._report,
            )
        return self._runner

    def _report(self, line: str) -> None:
        pulumi.log.info(f"{self._target.subject}: {line}")

    def _raise_first(self, results: Iterable[HookResult]) -> None:
        errors: list[HookError] = [each.error for each in results if each.error]
        for another in errors[1:]:
            pulumi.log.error(str(another))
        if errors:
            raise errors[0]

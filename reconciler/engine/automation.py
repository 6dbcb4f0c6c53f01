"""How is the program run?

With ``workspace`` and ``event_log`` the only module that knows ``pulumi.automation``: it selects
the stack, runs the engine, and turns its events into ``events``. Called by the command line and by
a pass.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.automation import EngineEvent, LocalWorkspace
from pulumi.automation.errors import CommandError, StackNotFoundError

from gitops.deployment.handover import ENVIRONMENT as HANDOVER
from gitops.gate.settings import ENVIRONMENT as CONFIRM
from gitops.syncing.deletion import sealed_hooks, with_sealed_hooks
from reconciler.engine.environment import check_environment, shared_config, spared
from reconciler.engine.event_log import event_of
from reconciler.engine.events import Diagnostic, Event, Severity, Step
from reconciler.engine.failures import EngineError, explain, loses_state
from reconciler.engine.workspace import QuickStack, Workspace
from reconciler.passes.stopping import Stop

_LAST_LINES = 20
_LAST_EVENT_SECONDS = 5.0


@dataclass(slots=True)
class Run:
    """What one run of the engine did.

    ``succeeded`` is the engine's own verdict; the diagnostics say why not. ``killed`` says that it
    did not end by itself: its state may not know what it has done.
    """

    steps: list[Step] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    succeeded: bool = False
    killed: bool = False
    seconds: float = 0.0

    @property
    def parents(self) -> Mapping[str, str]:
        """The parent of every resource the run reported."""
        return {step.urn: step.parent for step in self.steps if step.parent}


def up(
    root: Path,
    stack: str,
    *,
    targets: Sequence[str] = (),
    exclude: Sequence[str] = (),
    refresh: bool = False,
    confirmed: Collection[str] = (),
    handover: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stop: Stop | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Run:
    """Apply the program to its stack, which is made when it does not exist; no preview first.

    A failing object does not stop the others. An interrupt lets the engine end what it has begun:
    the terminal sends it the same signal.

    Args:
        root: the project's folder.
        stack: the stack's name.
        targets: only these URNs; everything when empty.
        exclude: all but these URNs.
        refresh: read them from the cluster first, as the state may be wrong about them.
        confirmed: tokens of deletions that the prune gate lets through, besides those in the
            environment.
        handover: what the program is to declare, where that is decided already.
        environment: further variables for the engine and the program.
        stop: ends the run before it is done.
        on_event: told of every event as it happens, from another thread.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the program was never run: the state is locked, the passphrase wrong and so on.
        StoppedError: it was to end before it began.
    """
    check_environment(os.environ)
    if stop is not None:
        stop.check()
    run = Run()
    started = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        options = _Options(
            targets=targets,
            exclude=exclude,
            refresh=refresh,
            environment={
                **shared_config(root, stack),
                **(environment or {}),
                CONFIRM: ",".join((*sorted(confirmed), os.environ.get(CONFIRM, ""))),
                **({HANDOVER: str(handover)} if handover else {}),
            },
            stop=stop,
        )
        _patient(pool.submit(_up, root, stack, options, run, on_event))
    run.seconds = time.perf_counter() - started
    return run


def _patient(work: Future[None]) -> None:
    """The result of work, waited for even when the user interrupts; then the interrupt."""
    try:
        work.result()
    except KeyboardInterrupt:
        work.exception()
        raise


def make_stack(root: Path, stack: str, environment: Mapping[str, str] | None = None) -> bool:
    """Make the stack when it does not exist.

    Args:
        root: the project's folder.
        stack: the stack's name.
        environment: further variables for the command.

    Returns:
        True when it was made, False when it was there.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the backend cannot be asked.
    """
    check_environment(os.environ)
    workspace = LocalWorkspace(work_dir=str(root), env_vars=dict(environment or {}))
    try:
        try:
            workspace.select_stack(stack)
        except StackNotFoundError:
            workspace.create_stack(stack)
            return True
    except CommandError as error:
        raise _never_ran(stack, str(error)) from error
    return False


def refresh(root: Path, stack: str, *, targets: Sequence[str]) -> Run:
    """Read some resources from the cluster into the state, without the program.

    Raises:
        EngineError: it was not done.
    """
    started = time.perf_counter()
    run = Run(succeeded=True)
    try:
        QuickStack(stack, Workspace(root, shared_config(root, stack))).refresh(
            target=list(targets), color="never", suppress_outputs=True, suppress_progress=True
        )
    except CommandError as error:
        raise _never_ran(stack, str(error)) from error
    run.seconds = time.perf_counter() - started
    return run


def cancel(root: Path, stack: str) -> None:
    """Take a stack's lock away from a run that is dead; the caller knows that it is.

    Raises:
        EngineError: the backend refuses.
    """
    try:
        QuickStack(stack, Workspace(root, shared_config(root, stack))).cancel()
    except CommandError as error:
        raise _never_ran(stack, str(error)) from error


def export(root: Path, stack: str) -> Mapping[str, Any]:
    """What `pulumi stack export` says; nothing where there is no such stack.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the state cannot be read.
    """
    check_environment(os.environ)
    exported = _export(root, stack)
    if sealed_hooks(exported):
        return with_sealed_hooks(exported, _export(root, stack, "--show-secrets"))
    return exported


def _export(root: Path, stack: str, *options: str) -> dict[str, Any]:
    # unlike the Automation API's, without what is secret
    command = ("pulumi", "stack", "export", "--stack", stack, "--non-interactive", *options)
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, **spared()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return dict(json.loads(done.stdout))
    if "no stack named" in done.stderr:
        return {}
    raise _never_ran(stack, done.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    targets: Sequence[str]
    exclude: Sequence[str]
    refresh: bool
    environment: Mapping[str, str]
    stop: Stop | None


def _up(
    root: Path,
    name: str,
    options: _Options,
    run: Run,
    on_event: Callable[[Event], None],
) -> None:
    workspace = Workspace(root, options.environment, options.stop)
    ended = threading.Event()
    lines: deque[str] = deque(maxlen=_LAST_LINES)

    def receive(received: EngineEvent) -> None:
        if received.cancel_event is not None:
            ended.set()
        event = event_of(received)
        if event is None:
            return
        if isinstance(event, Step):
            run.steps.append(event)
        else:
            run.diagnostics.append(event)
        on_event(event)

    def attempt() -> None:
        QuickStack(name, workspace).up(
            target=list(options.targets) or None,
            exclude=list(options.exclude) or None,
            refresh=options.refresh or None,
            color="never",
            continue_on_error=True,
            suppress_outputs=True,
            suppress_progress=True,
            show_secrets=False,
            on_output=lines.append,
            on_error=lines.append,
            on_event=receive,
        )

    try:
        try:
            attempt()
        except StackNotFoundError:
            make_stack(root, name, options.environment)
            attempt()
        run.succeeded = True
    except CommandError as error:
        run.killed = workspace.command.killed or loses_state("\n".join(lines))
        if not run.steps and not _has_error(run):
            never_ran = _never_ran(name, "\n".join(lines) or str(error))
            never_ran.killed = run.killed
            raise never_ran from error
        # The events travel beside the command's output and may end a little later.
        ended.wait(_LAST_EVENT_SECONDS)


def _never_ran(name: str, words: str) -> EngineError:
    reason, remedy = explain(words)
    return EngineError(f"stack {name}", reason, remedy=remedy)


def _has_error(run: Run) -> bool:
    return any(each.severity is Severity.ERROR for each in run.diagnostics)

"""How does a process of the engine end when the pass it belongs to is to end?

The command of ``workspace``. An interrupt lets the engine finish what it has begun and write
its state; a second one, where it waits for something, also writes it. Who does not come to an end
then is killed, before somebody else may hold the lease.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from signal import SIGINT, SIGKILL
from typing import IO

from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from reconciler.passes.stopping import Stop

GRACE_SECONDS = 5.0
# The first version that tells its events over a connection; the toolchain has none that is older.
_PULUMI_VERSION = "3.259.0"


class Command(PulumiCommand):
    """The ``pulumi`` command; a process of it that runs when the pass is to end is interrupted.

    ``killed`` says that the last process did not end by itself, so that nobody knows what it has
    left undone.

    Args:
        stop: the pass; without one a process runs to its end.
    """

    def __init__(self, stop: Stop | None = None) -> None:
        self.command = "pulumi"
        self.version = VersionInfo.parse(_PULUMI_VERSION)
        self.killed = False
        self._stop = stop

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run it to its end.

        Raises:
            CommandError: it failed.
        """
        self.killed = False
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process:
            output, errors = _Lines(process.stdout, on_output), _Lines(process.stderr, on_error)
            with self._ended_by_stop(process):
                code = process.wait()
            result = CommandResult(stdout=output.text(), stderr=errors.text(), code=code)
        self.killed = code < 0
        if code:
            raise create_command_error(result)
        return result

    def _ended_by_stop(self, process: subprocess.Popen[str]) -> AbstractContextManager[None]:
        if self._stop is None:
            return nullcontext()

        def end() -> None:
            for number in (SIGINT, SIGINT, SIGKILL):
                process.send_signal(number)  # does nothing where it has ended
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_SECONDS)
                    return

        def begin_to_end() -> None:
            threading.Thread(target=end, daemon=True, name="ending").start()

        return self._stop.told(begin_to_end)


class _Lines:
    """The lines of a stream, read in a thread."""

    def __init__(self, stream: IO[str] | None, told: Callable[[str], object] | None) -> None:
        assert stream is not None
        self._lines: list[str] = []
        self._stream, self._told = stream, told
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """All of it, once the stream has ended."""
        self._thread.join()
        return "\n".join(self._lines)

    def _read(self) -> None:
        for line in self._stream:
            self._lines.append(line.rstrip())
            if self._told is not None:
                self._told(self._lines[-1])

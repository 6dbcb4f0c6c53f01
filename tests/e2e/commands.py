"""A command of ours, as a user gives it in the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.e2e.checkout import Checkout


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRun:
    """What a command printed, and how it ended."""

    exit_code: int
    output: str
    errors: str

    def expect(self, exit_code: int = 0) -> CommandRun:
        """The run itself, proved to have ended with an exit code."""
        assert self.exit_code == exit_code, (self.output, self.errors)
        return self

    @property
    def data(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.output)


def gitops(checkout: Checkout, *arguments: str) -> CommandRun:
    """Run it to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", *arguments, "--stack", checkout.stack],
        cwd=checkout.root,
        env=dict(checkout.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return CommandRun(exit_code=done.returncode, output=done.stdout, errors=done.stderr)

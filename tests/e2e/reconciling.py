"""A working copy that is a Git repository, and the passes somebody would make from it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from tests.e2e.checkout import SECONDS, Checkout
from tests.e2e.live import Body

AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@home-ops.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRun:
    """One ``gitops reconcile --once``: its exit code, its report and its messages."""

    exit_code: int
    report: Body
    errors: str

    @property
    def runs(self) -> int:
        """How often the engine was started."""
        return int(self.report["engine"]["runs"])

    def app(self, name: str) -> Body:
        """What is said of one Application, by the last part of its name."""
        found = [a for a in self.report["applications"] if a["name"].endswith(f"-{name}")]
        assert found, self.report
        return dict(found[0])

    def sync(self, name: str) -> str:
        """Its sync status."""
        return str(self.app(name)["sync"]["status"])

    def expect(self, exit_code: int = 0, *, runs: int | None = None) -> PassRun:
        """The run itself, proved to have ended with an exit code and so many engine runs."""
        assert self.exit_code == exit_code, (self.errors, self.report)
        assert runs is None or self.runs == runs, (self.errors, self.report)
        return self


class Reconciling:
    """Commits to a checkout's repository, and passes over it.

    Args:
        checkout: the working copy; it becomes a repository.
    """

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> str:
        """Run Git in the repository."""
        done = subprocess.run(
            ["git", *AUTHOR, *arguments],
            cwd=self.checkout.root,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "Change something") -> str:
        """Commit everything; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``gitops reconcile``."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler.cli", "reconcile", "--json", *arguments],
            cwd=self.checkout.root,
            env=self.checkout.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def once(self, *arguments: str) -> PassRun:
        """One pass."""
        process = self.start("--once", *arguments)
        try:
            output, errors = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
        assert output, errors
        return PassRun(exit_code=process.returncode, report=json.loads(output), errors=errors)

    def records(self) -> dict[str, Body]:
        """The Applications' records, as kubectl gets them."""
        namespace = f"{self.checkout.id}-base"
        path = f"/apis/home-ops.dev/v1alpha1/namespaces/{namespace}/applications"
        listed = self.checkout.live.request("GET", path, missing=True)
        return {each["metadata"]["name"].rpartition("-")[2]: each for each in listed["items"]}

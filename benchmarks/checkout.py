"""Where is a scenario measured? In a working copy of its own: tree, stack, state, caches, cluster.

Made and used by ``measurements``. The program is this repository's own, and so are the packages;
nothing of the user's is read or changed but the installed tools.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measuring
from benchmarks.scenarios import Scenario
from toolchain import controlplane
from toolchain.controlplane import ControlPlane

REPOSITORY = Path(__file__).resolve().parent.parent
STACK = "bench"
PROGRAM = ("__main__.py", "Pulumi.yaml")
NEEDED = ("PULUMI_HOME", "PULUMI_SKIP_CHECKPOINTS")
_QUIET = ("--non-interactive", "--color", "never", "--suppress-progress", "--suppress-outputs")


class BenchmarkError(Exception):
    """A command failed, or the cluster does not hold what it should; nothing was measured then."""


class Checkout:
    """A working copy with a stack and an API server.

    Args:
        directory: an empty folder; everything is in it.
        scenario: the tree.
        timeout: seconds any one command may take.
    """

    def __init__(self, directory: Path, scenario: Scenario, *, timeout: float) -> None:
        self.directory = directory
        self.root = directory / "repository"
        self.scenario = scenario
        self.timeout = timeout
        self._edits = 0
        self._unedited = ""
        self._cluster = directory / "cluster"
        self._plane: ControlPlane | None = None
        self.environment = _environment(directory)
        self._write()

    def start_cluster(self) -> float:
        """Start the API server; the seconds until pods can run."""
        self._plane = controlplane.start(self._cluster, owner_pid=os.getpid())
        self.environment = {**self.environment, "KUBECONFIG": str(self._plane.kubeconfig)}
        return controlplane.status(self._cluster).ready_after

    def forget(self) -> None:
        """Go back to an empty cluster and an empty state; what is rendered stays cached."""
        self._plane = controlplane.reset(self._cluster, owner_pid=os.getpid())
        shutil.rmtree(self.directory / "state", ignore_errors=True)
        self.make_stack()

    def stop(self) -> None:
        """Stop the API server."""
        controlplane.stop(self._cluster)

    def cluster_cpu_seconds(self) -> float:
        """What the API server, etcd and the controllers have used so far."""
        components = controlplane.status(self._cluster).components
        return measuring.cpu_seconds(components.values())

    def make_stack(self) -> None:
        """Make the stack, in a state folder of its own."""
        (self.directory / "state").mkdir()
        self.run("pulumi", "stack", "init", STACK, "--non-interactive")

    def up(self, *arguments: str) -> measuring.Run:
        """``pulumi up``, as ``gitops up`` calls it."""
        return self.run("pulumi", "up", "--yes", "--skip-preview", *_QUIET, *arguments)

    def gitops_up(self) -> measuring.Run:
        """``gitops up``, with its table of what the cluster holds."""
        return self.run("gitops", "up", "--stack", STACK, "--yes")

    def preview(self) -> measuring.Run:
        """``pulumi preview`` where nothing is to be done."""
        return self.run("pulumi", "preview", "--expect-no-changes", *_QUIET)

    def render(self, cache: Path) -> measuring.Run:
        """The program's own composition of the target, without engine and cluster."""
        environment = {"XDG_CACHE_HOME": str(cache)}
        command = (sys.executable, "-m", "benchmarks.rendering", str(self.root), STACK)
        return self.run(*command, environment=environment)

    def edit(self) -> None:
        """Change one object of one Application, another way each time."""
        self._edits += 1
        path = self.root / self.scenario.edited
        if not self._unedited:
            self._unedited = path.read_text()
        if self._unedited.count(self.scenario.revision) != 1:
            raise BenchmarkError(
                f"{self.scenario.edited}: {self.scenario.revision!r} is not in it exactly once"
            )
        revised = self.scenario.revised.format(self._edits)
        path.write_text(self._unedited.replace(self.scenario.revision, revised))

    def urns(self) -> list[str]:
        """The Application that is edited and its objects, as the state knows them."""
        exported = json.loads(self.run("pulumi", "stack", "export").output)
        resources: Sequence[Mapping[str, Any]] = exported["deployment"]["resources"]
        own = f"home-ops:index:Application::{self.scenario.application}"
        return [
            str(each["urn"])
            for each in resources
            if each["urn"].endswith(own) or str(each.get("parent", "")).endswith(own)
        ]

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> measuring.Run:
        """Run a command in the working copy.

        Raises:
            BenchmarkError: it fails.
        """
        done = measuring.run(
            command,
            folder=self.root,
            environment={**self.environment, **(environment or {})},
            timeout=self.timeout,
        )
        if done.exit_code != 0:
            said = f"{done.output}\n{done.errors}".strip()
            raise BenchmarkError(
                f"{' '.join(command[:3])} ended with code {done.exit_code}:\n{said[-4000:]}"
            )
        return done

    def _write(self) -> None:
        for name in (*PROGRAM, *self.scenario.copied):
            source, place = REPOSITORY / name, self.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, place)
            else:
                shutil.copy(source, place)
        for path, text in self.scenario.files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self._configure()

    def _configure(self) -> None:
        # the engine adds the salt of the passphrase to this file when it makes the stack
        config = self.root / f"Pulumi.{STACK}.yaml"
        if self.scenario.stack_file:
            shutil.copy(REPOSITORY / self.scenario.stack_file, config)
        else:
            values = {f"home-ops:{name}": part for name, part in self.scenario.settings.items()}
            config.write_text(json.dumps({"config": values}))


def _environment(directory: Path) -> dict[str, str]:
    missing = [name for name in NEEDED if name not in os.environ]
    if missing:
        raise BenchmarkError(f"{', '.join(missing)} not set; run `make bench`")
    passphrase = directory / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(secrets.token_urlsafe(16))
    # without bytecode every process would compile the program anew, which no installed one does
    left_out = (
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_OPTION_CONFIG_FILE",
        "PYTHONDONTWRITEBYTECODE",
    )
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    return {
        **inherited,
        "PULUMI_STACK": STACK,
        "PULUMI_BACKEND_URL": (directory / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "PYTHONPATH": str(REPOSITORY),
    }

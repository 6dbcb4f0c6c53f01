"""A repository of a test's own, and the ``pulumi`` commands a user would give in it.

Each has its own stack, namespaces, state and caches, so that all tests share one control plane.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.engine_run import EngineRun, read_steps
from tests.e2e.live import CONFIG_MAPS, LABEL, Body, Live, until

REPOSITORY = Path(__file__).parents[2]
MIRROR = "oci://charts.home-ops.example/stable"
FIELD_MANAGER = "home-ops"
SECONDS = 180.0
DELETION = "home-ops:index:Deletion"
PROJECT = {
    "name": "apps",
    "sourceRepos": ["*"],
    "destinations": [{"namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


def application_set(
    name: str = "apps",
    *,
    path: str = "apps/*/*",
    namespace: str = "{{category}}",
    application: str = "{{cluster}}-{{category}}-{{path.basename}}",
    prune: bool = True,
    allow_empty: bool = True,
    options: Iterable[str] = ("CreateNamespace=true", "ServerSideApply=true"),
    finalizers: Iterable[str] = (),
    preserve: bool = False,
) -> Body:
    """An ApplicationSet as the stack's config has it."""
    metadata: Body = {"name": application}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    found: Body = {
        "name": name,
        "generators": [{"git": {"directories": [{"path": path}]}}],
        "template": {
            "metadata": metadata,
            "spec": {
                "project": "apps",
                "destination": {"namespace": namespace},
                "syncPolicy": {
                    "automated": {"prune": prune, "allowEmpty": allow_empty},
                    "syncOptions": list(options),
                },
            },
        },
    }
    if preserve:
        found["syncPolicy"] = {"preserveResourcesOnDeletion": True}
    return found


class Checkout:
    """A working copy with a stack.

    Args:
        directory: an empty folder.
        kubeconfig: the cluster.
        name: what the stack, the category and the namespace are named after.
    """

    def __init__(self, directory: Path, kubeconfig: Path, name: str) -> None:
        self.id = f"{name}-{secrets.token_hex(3)}"
        self.stack = self.id
        self.namespace = self.id
        self.root = directory / "repository"
        self.live = Live(kubeconfig)
        self._log = directory / "events.json"
        self._state = directory / "state"
        self._passphrase = directory / "passphrase"
        self._kubeconfig = kubeconfig
        self.environment = self._environment(directory / "cache")
        self._prepare()

    def configure(self, *sets: Body, **settings: Any) -> None:
        """Write the stack's config; ``settings`` are further keys of it."""
        path = self.root / f"Pulumi.{self.stack}.yaml"
        kept = yaml.safe_load(path.read_text()) if path.exists() else {}
        values = {
            "cluster": "e2e",
            "kubernetes": {"version": "1.36.3"},
            "chartMirrors": {MIRROR: "charts"},
            "bootstrap": {"namespace": f"{self.id}-base"},
            "projects": [PROJECT],
            "applicationSets": list(sets) or [application_set()],
            **settings,
        }
        config = {f"home-ops:{key}": value for key, value in values.items()}
        path.write_text(yaml.safe_dump({**kept, "config": config}, sort_keys=False))

    def app(self, name: str, category: str = "") -> Path:
        """The directory of an Application."""
        return self.root / "apps" / (category or self.id) / name

    def write(self, name: str, *objects: Body, file: str = "objects.yaml") -> Path:
        """Write objects into an Application's directory; ``name`` may hold another category."""
        text = "---\n".join(json.dumps(each, indent=1) + "\n" for each in objects)
        return self.text(name, file, text)

    def text(self, name: str, file: str, content: str | bytes) -> Path:
        """Write a file into an Application's directory."""
        category, _, app = name.rpartition("/")
        path = self.app(app, category) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def remove(self, name: str) -> None:
        """Remove an Application's directory."""
        category, _, app = name.rpartition("/")
        shutil.rmtree(self.app(app, category))

    def copy_chart(self, name: str) -> None:
        """Put one of the repository's charts where the mirror finds it."""
        shutil.copytree(REPOSITORY / "charts" / name, self.root / "charts" / name)

    def up(self, *arguments: str) -> EngineRun:
        """``pulumi up``."""
        return self._logged("up", "--yes", "--skip-preview", *arguments)

    def preview(self, *arguments: str) -> EngineRun:
        """``pulumi preview``."""
        return self._logged("preview", *arguments)

    def destroy(self, *arguments: str) -> EngineRun:
        """``pulumi destroy``."""
        return self._logged("destroy", "--yes", "--skip-preview", *arguments)

    def confirm(self, run: EngineRun) -> None:
        """From now on confirm what the prune gate stopped in a run, and nothing else."""
        tokens = sorted(set(re.findall(r"--confirm (prune-[0-9a-f]{16})", run.output)))
        assert tokens, run.output
        self.environment = {**self.environment, "HOME_OPS_CONFIRM": ",".join(tokens)}

    def twice(self) -> EngineRun:
        """``pulumi up`` that ends well, and once more: the second run has nothing to do and the
        cluster stays as it is, which no report of the engine can prove. It only forgets how an
        Application was deleted that has left Git."""
        first = self.up().succeeded()
        before = self.versions()
        second = self.up().succeeded()
        told = [each for each in second.changes if not each.startswith(f"delete {DELETION} ")]
        assert told == [], second.output
        assert self.versions() == before
        return first

    def versions(self) -> dict[Any, Any]:
        """What tells a touched object from an untouched one, for each of ours in the cluster."""
        return {key: _version(body) for key, body in self.live.owned(self.stack).items()}

    def uids(self) -> dict[Any, str]:
        """The uid of each of our objects in the cluster."""
        owned = self.live.owned(self.stack).items()
        return {key: str(body["metadata"]["uid"]) for key, body in owned}

    def state(self) -> list[Body]:
        """The resources in Pulumi's state."""
        exported = json.loads(self.pulumi("stack", "export").succeeded().output)
        return list(exported["deployment"].get("resources") or ())

    def state_text(self) -> str:
        """Pulumi's state as the backend stores it, encrypted where it is secret."""
        return "".join(
            path.read_text() for path in self._state.rglob("*.json") if path.stem == self.stack
        )

    def pulumi(self, *arguments: str, **environment: str) -> EngineRun:
        """Any ``pulumi`` command."""
        began = time.monotonic()
        process = self._start(arguments, stdout=subprocess.PIPE, environment=environment)
        try:
            output, _ = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                _kill(process)
        return EngineRun(
            exit_code=process.returncode, output=output, seconds=time.monotonic() - began
        )

    def kill_up(self, moment: Callable[[], bool]) -> None:
        """``kill -9`` everything ``pulumi up`` started at a moment before its end."""
        arguments = ("up", "--yes", "--skip-preview")
        process = self._start(arguments, stdout=subprocess.DEVNULL)
        try:
            until(moment, "the moment to kill a run", step=0.01)
            assert process.poll() is None, "the run was over before it was killed"
        finally:
            _kill(process)
        self.pulumi("cancel", "--yes").succeeded()

    def count(self, application: str) -> int:
        """How many ConfigMaps of an Application are in the cluster."""
        selector = f"{LABEL}=e2e-{self.id}-{application}"
        return len(self.live.list(CONFIG_MAPS, selector=selector))

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        """For a while nobody listens where the kubeconfig says the cluster is."""
        value = json.loads(self._kubeconfig.read_text())
        value["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
        elsewhere = self.root.parent / "unreachable.json"
        elsewhere.write_text(json.dumps(value))
        reachable = self.environment
        self.environment = {**reachable, "KUBECONFIG": str(elsewhere)}
        yield
        self.environment = reachable

    def lose_state(self) -> None:
        """Remove everything Pulumi knows of the stack."""
        shutil.rmtree(self._state)
        self._state.mkdir()
        self.pulumi("stack", "init", self.stack).succeeded()

    def _start(
        self, arguments: Sequence[str], *, stdout: int, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.root,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # what `kill_up` kills
        )

    def _logged(self, *arguments: str) -> EngineRun:
        self._log.unlink(missing_ok=True)
        log = ("--suppress-progress", "--event-log", str(self._log))
        done = self.pulumi(*arguments, *log)
        return EngineRun(
            exit_code=done.exit_code,
            output=done.output,
            seconds=done.seconds,
            steps=read_steps(self._log),
        )

    def _environment(self, cache: Path) -> Mapping[str, str]:
        missing = {"PULUMI_HOME", "PULUMI_SKIP_CHECKPOINTS"} - os.environ.keys()
        assert not missing, 'run the tests with `make test`, or after eval "$(make env)"'
        inherited = {k: v for k, v in os.environ.items() if k != "PULUMI_CONFIG_PASSPHRASE"}
        return {
            **inherited,
            "PULUMI_STACK": self.stack,
            "PULUMI_BACKEND_URL": self._state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._passphrase),
            "PULUMI_DEBUG_COMMANDS": "true",  # lets `--event-log` be used
            "KUBECONFIG": str(self._kubeconfig),
            "XDG_CACHE_HOME": str(cache),
            "PYTHONPATH": str(REPOSITORY),
        }

    def _prepare(self) -> None:
        self._state.mkdir(parents=True)
        self._passphrase.write_text(secrets.token_urlsafe(16))
        (self.root / "apps" / self.id).mkdir(parents=True)
        for name in ("__main__.py", "Pulumi.yaml"):
            shutil.copy(REPOSITORY / name, self.root / name)
        self.pulumi("stack", "init", self.stack).succeeded()
        self.configure()


def _kill(process: subprocess.Popen[Any]) -> None:
    """Kill -9 a process and all it started, which it put into its own session."""
    process.kill()  # not reaped before all of its session are killed, so its id is not used again
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _session(entry) == process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
    process.wait()


def _session(entry: Path) -> int:
    try:
        # the name, in parentheses, may hold blanks; session is the fourth field after it
        return int((entry / "stat").read_text().rpartition(")")[2].split()[3])
    except (OSError, ValueError):
        return 0


def _version(body: Body) -> Any:
    metadata = body["metadata"]
    if "status" not in body:
        return metadata["resourceVersion"]
    # controllers write such objects, and with that the version, whenever they like
    applied = [each for each in metadata["managedFields"] if each["manager"] == FIELD_MANAGER]
    return metadata["uid"], applied

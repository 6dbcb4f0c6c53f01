"""A run of some Applications works on a state of its own, and nobody else in the stack's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops.deployment.checkpoint import read
from gitops.deployment.inventory import Inventory
from reconciler.state import file as state_file
from reconciler.state.file import StateError
from reconciler.syncing import slices

URN = "urn:pulumi:bench::home-ops::"
ROOT = {"urn": f"{URN}pulumi:pulumi:Stack::home-ops-bench", "type": "pulumi:pulumi:Stack"}


def resource(name: str, **inputs: Any) -> dict[str, Any]:
    kind = "kubernetes:core/v1:ConfigMap"
    return {"urn": f"{URN}{kind}::{name}", "type": kind, "inputs": inputs}


def content(*resources: dict[str, Any]) -> bytes:
    latest = {"manifest": {}, "resources": [ROOT, *resources], "metadata": {}}
    return json.dumps(
        {"version": 3, "checkpoint": {"stack": "bench", "latest": latest}}, separators=(",", ":")
    ).encode()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of two resources, in a backend that is a folder."""
    backend = tmp_path / "a state"
    path = backend / ".pulumi/stacks/home-ops/bench.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content(resource("a"), resource("b")))
    path.chmod(0o640)
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend.as_uri())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


@pytest.fixture
def state(file: Path) -> Inventory:
    return slices.last_deployment(file.parent, "organization/home-ops/bench")


class Engine:
    """What an engine would leave of its state."""

    def __init__(self, *resources: dict[str, Any]) -> None:
        self.resources = resources
        self.saw: list[str] = []

    def __call__(self, variables: Mapping[str, str]) -> None:
        place = Path(urlsplit(variables["PULUMI_BACKEND_URL"]).path)
        path = place / ".pulumi/stacks/home-ops/bench.json"
        self.saw = names(path)
        history = place / ".pulumi/history/home-ops/bench/bench-1.history.json"
        history.parent.mkdir(parents=True)
        history.write_text("{}")
        path.write_bytes(content(*self.resources))


def names(path: Path) -> list[str]:
    return [each.urn.rpartition("::")[2] for each in read(path.read_bytes())[0].entries]


def locks(file: Path) -> list[Path]:
    return list((file.parents[2] / "locks/organization/home-ops/bench").glob("*"))


def test_the_engine_sees_the_part(file: Path, state: Inventory) -> None:
    """It gets what the run is about; what it leaves of that is in the stack's state afterwards,
    its history too; the file before is kept, rights stay, no lock and no copy is left."""
    before = file.read_bytes()
    engine = Engine(resource("a", changed=True), resource("new"))
    assert slices.run_apart(state, {resource("a")["urn"]}, engine)
    assert engine.saw == ["home-ops-bench", "a"]
    assert names(file) == ["home-ops-bench", "a", "new", "b"]
    assert b"changed" in file.read_bytes()
    assert file.with_suffix(".json.bak").read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o640
    assert (file.parents[2] / "history/home-ops/bench/bench-1.history.json").exists()
    assert locks(file) == []
    assert [each for each in (file.parents[4] / "cache").rglob("*") if each.is_file()] == []


def test_a_run_that_fails_leaves_what_it_did(file: Path, state: Inventory) -> None:
    """Also where it ends with an error: what it has written counts."""
    engine = Engine(resource("a", changed=True))

    def failing(variables: Mapping[str, str]) -> None:
        engine(variables)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        slices.run_apart(state, {resource("a")["urn"]}, failing)
    assert b"changed" in file.read_bytes()
    assert locks(file) == []


def test_a_state_that_has_changed_is_left_alone(file: Path, state: Inventory) -> None:
    """Somebody's own run since it was read: the engine then works on the whole state."""
    file.write_bytes(content(resource("theirs")))
    engine = Engine()
    assert not slices.run_apart(state, (), engine)
    assert engine.saw == []
    assert names(file) == ["home-ops-bench", "theirs"]


def test_somebody_elses_lock(file: Path, state: Inventory) -> None:
    """Nothing is run, and the message says whose lock it is, as the engine's own would."""
    lock = file.parents[2] / "locks/organization/home-ops/bench/theirs.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(
        json.dumps({"pid": 7, "username": "ada", "hostname": "desk", "timestamp": "2026-01-01"})
    )
    engine = Engine()
    with pytest.raises(StateError, match=r"created by ada@desk \(pid 7\) at 2026-01-01"):
        slices.run_apart(state, (), engine)
    assert engine.saw == []
    assert locks(file) == [lock]


def test_our_lock_is_the_engines(file: Path, state: Inventory) -> None:
    """While the part runs, the stack is locked with the fields `pulumi` writes and reads."""
    found: list[dict[str, Any]] = []

    def looking(_: Mapping[str, str]) -> None:
        found.extend(json.loads(each.read_text()) for each in locks(file))

    slices.run_apart(state, (), looking)
    assert [each["pid"] for each in found] == [os.getpid()]
    assert found[0].keys() == {"pid", "username", "hostname", "timestamp"}


def test_a_result_that_does_not_fit(file: Path, state: Inventory) -> None:
    """Where the part cannot be put back the state stays, and the caller is told."""
    before = file.read_bytes()

    def breaking(variables: Mapping[str, str]) -> None:
        place = Path(urlsplit(variables["PULUMI_BACKEND_URL"]).path)
        (place / ".pulumi/stacks/home-ops/bench.json").write_text("{")

    assert not slices.run_apart(state, (), breaking)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULUMI_BACKEND_URL", "s3://bucket"),
        ("PULUMI_BACKEND_URL", "https://api.pulumi.com"),
        ("PULUMI_BACKEND_URL", "file://~"),
        ("PULUMI_BACKEND_URL", "file:///nowhere"),
        ("PULUMI_DIY_BACKEND_GZIP", "true"),
    ],
)
def test_other_backends(file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Only a plain folder is read without the engine."""
    assert state_file.find("bench") is not None
    monkeypatch.setenv(name, value)
    assert state_file.find("bench") is None
    monkeypatch.undo()
    file.with_suffix(".json.gz").touch()
    assert state_file.find("bench") is None


@pytest.fixture
def process(tmp_path: Path) -> Iterator[int]:
    """Something that looks like a running engine."""
    program = tmp_path / "pulumi"
    program.write_text("read _")
    with subprocess.Popen(["sh", str(program)], stdin=subprocess.PIPE) as started:
        yield started.pid


def test_what_a_killed_pass_has_left(file: Path, state: Inventory, process: int) -> None:
    """As long as its engine runs nobody else starts one; afterwards the rest is removed."""
    left: list[Path] = []

    def killed(variables: Mapping[str, str]) -> None:
        left.append(Path(urlsplit(variables["PULUMI_BACKEND_URL"]).path))

    slices.run_apart(state, (), killed)
    lock = left[0] / ".pulumi/locks/organization/home-ops/bench/theirs.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": process, "username": "a", "hostname": "b"}))
    with pytest.raises(StateError, match=f"pid {process}"):
        slices.clear("bench")
    assert not slices.run_apart(state, (), Engine())
    lock.write_text(json.dumps({"pid": 2**22 + 1, "username": "a", "hostname": "b"}))
    slices.clear("bench")
    assert not left[0].exists()
    state = slices.last_deployment(file.parent, "bench")
    assert slices.run_apart(state, (), Engine())
    assert names(file) == ["home-ops-bench", "a", "b"]

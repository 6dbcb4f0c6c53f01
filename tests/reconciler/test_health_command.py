from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli import ExitCode, main

ROOT = Path(__file__).parents[2]
FAILING = """
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: media, uid: u1,
   generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1}}
- {apiVersion: v1, kind: Pod, metadata: {name: db-0, namespace: media, uid: u2,
   ownerReferences: [{uid: u1, controller: true}]}, spec: {}, status: {phase: Pending}}
- {apiVersion: v1, kind: Event, metadata: {name: e1, namespace: media}, type: Warning,
   involvedObject: {uid: u2}, reason: FailedMount, message: configmap absent}
"""
HEALTHY = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def test_file_is_judged_with_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects are listed with status and cause, and an unhealthy one has its own exit code."""
    file = tmp_path / "live.yaml"
    file.write_text(FAILING)
    assert main(["health", "-f", str(file)]) == ExitCode.UNHEALTHY
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["KIND", "NAMESPACE", "NAME", "HEALTH", "MESSAGE"]
    assert [line.split()[:4] for line in lines] == [
        ["StatefulSet", "media", "db", "Progressing"],
        ["Pod", "media", "db-0", "Progressing"],
    ]
    assert all("FailedMount: configmap absent" in line for line in lines)


def test_standard_input_that_is_healthy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dash reads standard input; when all is well the exit code is 0."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEALTHY.encode())))
    assert main(["health", "-f", "-", "-o", "json"]) == ExitCode.OK
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["health"]["status"]) == ("ConfigMap", "Healthy")


def test_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names are kubectl's: kind and group."""
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\n"
    (tmp_path / "a.yaml").write_text(f"{HEALTHY}---\n{role}")
    assert main(["health", "-f", str(tmp_path / "a.yaml"), "-o", "name"]) == ExitCode.OK
    assert capsys.readouterr().out == ("configmap/settings\nrole.rbac.authorization.k8s.io/r\n")


def test_a_pipe_that_brings_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a `kubectl get` that failed leaves is not taken for good health; an empty list is."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert main(["health", "-f", "-"]) == ExitCode.FAILED
    assert capsys.readouterr().err.startswith("error: standard input: is empty")
    nothing = b"{apiVersion: v1, kind: List, items: []}"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(nothing)))
    assert main(["health", "-f", "-"]) == ExitCode.OK
    assert capsys.readouterr().err == "no objects found\n"


def test_a_locale_without_our_characters_is_no_crash(tmp_path: Path) -> None:
    """What the output's encoding does not have is replaced."""
    message = "kein Platz für Röhren"
    failed = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"},
              "status": {"phase": "Failed", "message": message}}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(failed))
    run = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", "health", "-f", str(tmp_path / "a.json")],
        env={"PATH": "", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == ExitCode.UNHEALTHY, run.stderr
    assert "kein Platz f?r R?hren" in run.stdout


@pytest.mark.parametrize("content", [None, "- 1\n", "a: [\n", ""])
def test_file_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """A file that is missing or holds no objects is an error in one line that names it."""
    file = tmp_path / "live.yaml"
    if content is not None:
        file.write_text(content)
    assert main(["health", "-f", str(file)]) == ExitCode.FAILED
    assert capsys.readouterr().err.startswith(f"error: {file}")


def test_a_stacks_own_scripts_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a stack its health scripts judge the kinds they are for."""
    script = 'return {status = "Degraded", message = "by a script"}'
    config = {"home-ops:cluster": "test", "home-ops:resourceCustomizations": {
        "health.ConfigMap": script}}  # fmt: skip
    (tmp_path / "Pulumi.yaml").write_text("name: home-ops\n")
    (tmp_path / "Pulumi.test.yaml").write_text(json.dumps({"config": config}))
    (tmp_path / "a.yaml").write_text(HEALTHY)
    monkeypatch.chdir(tmp_path)
    assert main(["health", "-f", "a.yaml", "--stack", "test"]) == ExitCode.UNHEALTHY
    assert "by a script" in capsys.readouterr().out

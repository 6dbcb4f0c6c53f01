"""Tiny projects, named for how they behave, on the real engine with a state of their own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECTS = Path(__file__).parent.parent / "testdata" / "pulumi"
MakeProject = Callable[..., Path]


@pytest.fixture
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProject:
    """Copy a project into the test's folder, with this config in its stack ``test``."""
    if shutil.which("pulumi") is None:
        pytest.fail('pulumi is not on PATH: run eval "$(make env)"')
    state, passphrase = tmp_path / "state", tmp_path / "passphrase"
    state.mkdir()
    passphrase.write_text(secrets.token_urlsafe(16))
    home = tmp_path / "pulumi-home"
    home.mkdir()
    (home / "logs").touch()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for name, value in {
        "PATH": path,
        "PULUMI_HOME": os.environ.get("PULUMI_HOME") or str(home),
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }.items():
        monkeypatch.setenv(name, value)

    def make(name: str, **config: Any) -> Path:
        root = tmp_path / name
        shutil.copytree(PROJECTS / name, root)
        configure(root, **config)
        return root

    return make


def configure(root: Path, **config: Any) -> None:
    """Set the config of the project's stack ``test``; keys without a namespace are its own."""
    values = {
        key.replace("__", ":") if "__" in key else f"{root.name}:{key}": value
        for key, value in config.items()
    }
    (root / "Pulumi.test.yaml").write_text(json.dumps({"config": values}))

"""Pulumi's question for the installed packages is answered as pip would."""

from __future__ import annotations

import json
import subprocess

from gitops.deployment.handover import ENVIRONMENT
from toolchain.environment import environment

ASKED = ["-m", "pip", "list", "-v", "--format", "json"]


def answer(python: str, *arguments: str, **more: str) -> str:
    variables = {**environment(), **more}
    return subprocess.run(
        [python, *arguments], capture_output=True, text=True, check=True, env=variables
    ).stdout


def read(text: str) -> set[tuple[str, str, str]]:
    packages, _ = json.JSONDecoder().raw_decode(text)  # pip may add lines for people
    return {(each["name"], each["version"], each["location"].rstrip("/")) for each in packages}


def test_packages_are_those_pip_lists() -> None:
    """Name, version and folder of every package are the same, however Pulumi asks."""
    variables = environment()
    asked = read(answer(variables["PULUMI_PYTHON_CMD"], *ASKED))
    assert asked == read(answer(f"{variables['VIRTUAL_ENV']}/bin/python", *ASKED))
    assert any(name in ("pulumi_kubernetes", "pulumi-kubernetes") for name, _, _ in asked)


def test_a_program_that_is_handed_over_needs_no_plugins() -> None:
    """It names its provider's version itself, so that nobody looks for its packages."""
    python = environment()["PULUMI_PYTHON_CMD"]
    assert read(answer(python, *ASKED, **{ENVIRONMENT: "file"})) == set()
    assert read(answer(python, *ASKED, **{ENVIRONMENT: ""}))


def test_everything_else_is_that_of_python() -> None:
    """Another command runs in the Python of the virtual environment, whatever the folder."""
    variables = environment()
    prefix = answer(variables["PULUMI_PYTHON_CMD"], "-c", "import sys; print(sys.prefix)")
    assert prefix.strip() == variables["VIRTUAL_ENV"]

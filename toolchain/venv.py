"""How does the checkout get its virtual environment?

``.venv`` holds what requirements-dev.txt pins and this project itself, editable. A stamp, written
last, says what it was made from: an outdated one gets the packages it lacks, one that a killed run
left is made again. Called by
``toolchain.install``; ``toolchain.environment`` puts it first on PATH.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tomllib
from pathlib import Path

from toolchain import locks
from toolchain.errors import ToolchainError
from toolchain.processes import ProcessError, output_of
from toolchain.progress import Step
from toolchain.store import CHECKOUT, cache_root, checkout_key

_REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def directory(checkout: Path = CHECKOUT) -> Path:
    """The folder of the virtual environment."""
    return checkout / ".venv"


def is_current(checkout: Path = CHECKOUT) -> bool:
    """Whether it is complete and made from the present requirements with this Python."""
    stamp = _stamp(checkout)
    return stamp.is_file() and stamp.read_text() == _made_from(checkout)


def install(step: Step, *, checkout: Path = CHECKOUT) -> None:
    """Make the virtual environment, unless it is current. The user's pip settings apply.

    Raises:
        ToolchainError: it cannot be made, or a package cannot be had.
    """
    lock = cache_root() / "locks" / f"venv-{checkout_key(checkout)}.lock"
    with locks.exclusive(lock, waiting=lambda: step.doing("waiting for another run to make it")):
        if is_current(checkout):
            step.done("up to date")
            return
        folder = directory(checkout)
        usable = _is_usable(checkout)
        _stamp(checkout).unlink(missing_ok=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        try:
            if not usable:
                step.doing("making it")
                output_of([_python(), "-m", "venv", "--clear", folder])
            step.doing("installing packages")
            output_of([*pip, "--requirement", "requirements-dev.txt"], folder=checkout)
            output_of([*pip, "--no-deps", "--editable", "."], folder=checkout)
        except ProcessError as error:
            raise ToolchainError(
                ".venv",
                str(error),
                remedy="make sure that python3 has its venv module (package python3-venv on "
                "Debian) and that pip reaches a package index, then run it again",
            ) from error
        _stamp(checkout).write_text(_made_from(checkout))
    step.done("made from requirements-dev.txt")


def _stamp(checkout: Path) -> Path:
    return directory(checkout) / "home-ops-made-from"


def _is_usable(checkout: Path) -> bool:
    """Whether it is complete, but made from other requirements: then packages are added to it,
    which does not pull it from under the programs that run in it."""
    stamp = _stamp(checkout)
    return stamp.is_file() and stamp.read_text().startswith(f"{platform.python_version()} ")


def _made_from(checkout: Path) -> str:
    """The Python, and a digest of all else that decides what is in it; settings of linters and
    tests do not."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())
    installed = [project.get(table) for table in ("build-system", "project")]
    installed.append(project.get("tool", {}).get("setuptools"))
    digest = hashlib.sha256(str(checkout.resolve()).encode())
    digest.update(json.dumps(installed, sort_keys=True).encode())
    for name in _REQUIREMENTS:
        digest.update((checkout / name).read_bytes() + b"\0")
    return f"{platform.python_version()} {digest.hexdigest()}"


def _python() -> str:
    """The Python that made the running one: inside ``.venv``, not the one to be replaced."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)

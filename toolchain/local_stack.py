"""How can the ``local`` stack have a passphrase of its own without a change to the checkout?

Pulumi writes the salt of a passphrase into the stack's config file, which here is in Git. So the
engine is pointed at a copy in the cache folder that has the salt; ``environment`` calls this, which
makes the stack when it is missing and the copy anew when the checkout's file is another.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from toolchain.errors import ToolchainError
from toolchain.locks import exclusive

PROJECT = "home-ops"
STACK_FILE = "Pulumi.local.yaml"
SALT = "encryptionsalt:"


def config_file(checkout: Path, folder: Path, variables: Mapping[str, str]) -> Path:
    """The copy of the stack's config file the engine reads, up to date.

    Args:
        checkout: the repository, with Pulumi.yaml and Pulumi.local.yaml.
        folder: where the stack's state and passphrase are.
        variables: PATH, backend and passphrase file, as for any use of the stack.

    Raises:
        ToolchainError: the stack cannot be made; the reason is Pulumi's.
    """
    copy = folder / STACK_FILE
    with exclusive(folder / "stack.lock"):
        salt = _salt_in(copy)
        made = folder / "state" / ".pulumi" / "stacks" / PROJECT / "local.json"
        if not made.exists():
            salt = _init(checkout, salt, variables)
        salt = salt or _salt_of(made)
        text = (checkout / STACK_FILE).read_text(encoding="utf-8").rstrip("\n")
        _write(copy, f"{text}\n{salt}\n")
    return copy


def _salt_in(file: Path) -> str:
    if not file.exists():
        return ""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((line for line in reversed(lines) if line.startswith(SALT)), "")


def _salt_of(state: Path) -> str:
    """The salt of a stack whose copy was lost; the state knows it too."""
    latest = json.loads(state.read_text(encoding="utf-8"))["checkpoint"]["latest"] or {}
    return f"{SALT} {latest['secrets_providers']['state']['salt']}"


def _init(checkout: Path, salt: str, variables: Mapping[str, str]) -> str:
    """Make the stack from a folder of its own, where Pulumi may write the salt."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(checkout / "Pulumi.yaml", scratch)
        own = Path(scratch) / STACK_FILE
        if salt:
            own.write_text(f"{salt}\n", encoding="utf-8")
        done = subprocess.run(
            ["pulumi", "stack", "init", "local", "--non-interactive"],
            cwd=scratch,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ToolchainError(
                "stack local",
                f"it cannot be made: {done.stderr.strip()}",
                remedy="run `make down`, remove the state folder it names, and try again",
            )
        return _salt_in(own)


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    partial = path.with_suffix(".new")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

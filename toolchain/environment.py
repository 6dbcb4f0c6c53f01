"""What must a process be told to use the tools, Pulumi's state and the cluster of a stack?

``environment`` is merged into ``os.environ`` by the tests, the benchmarks and ``make up``; the
command line prints it as shell text. docs/environment.md says what happens without each variable.
"""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from toolchain import local_stack, pulumi_home, store, venv
from toolchain.errors import ToolchainError

LOCAL = "local"
_OF_LOCAL_ONLY = (
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_OPTION_CONFIG_FILE",
    "KUBECONFIG",
)


def environment(stack: str = LOCAL) -> dict[str, str]:
    """The variables for a stack, PATH included.

    The ``local`` stack gets a state folder and a passphrase file, both made when missing, and the
    kubeconfig of the embedded control plane. For any other stack backend, secrets provider and
    kubeconfig are the user's own.

    Raises:
        ToolchainError: the tools or the virtual environment are not installed.
    """
    if not venv.is_current():
        raise ToolchainError(
            ".venv", "it is missing or older than the requirements", remedy=store.INSTALL
        )
    variables = {
        "PATH": _path([venv.directory() / "bin", store.bin_directory()]),
        "VIRTUAL_ENV": str(venv.directory()),
        "PULUMI_HOME": str(pulumi_home.directory()),
        "PULUMI_STACK": stack,
        "PULUMI_PYTHON_CMD": str(store.CHECKOUT / "toolchain" / "pulumi-python"),
        "PULUMI_CONTINUE_ON_ERROR": "true",
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_PARALLEL_DIFF": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if stack == LOCAL:
        folder = store.stack_directory(stack)
        state = folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        variables["PULUMI_BACKEND_URL"] = state.as_uri()
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase(folder / "passphrase"))
        variables["KUBECONFIG"] = str(store.cluster_directory() / "kubeconfig")
        config = local_stack.config_file(store.CHECKOUT, folder, variables)
        variables["PULUMI_OPTION_CONFIG_FILE"] = str(config)
    return variables


def shell_text(stack: str = LOCAL) -> str:
    """The variables as commands for a POSIX shell, for ``eval "$(...)"``.

    Each ends with a semicolon, so that ``eval $(...)`` without quotes works as well. What a former
    ``local`` left in the shell is unset for another stack, lest that one is taken to its cluster.
    """
    variables = environment(stack)
    lines = [f"export {name}={shlex.quote(value)};" for name, value in variables.items()]
    lines += [f"unset {name};" for name in leftovers(os.environ, variables)]
    return "\n".join(lines) + "\n"


def leftovers(present: Mapping[str, str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of the ``local`` stack that are set to a place in our cache without need."""
    root = store.cache_root()
    ours = (f"{root}/", f"{root.as_uri()}/")
    return tuple(
        name
        for name in _OF_LOCAL_ONLY
        if name not in variables and present.get(name, "").startswith(ours)
    )


def _path(first: list[Path]) -> str:
    """PATH with these folders first, and without the sets of tools that were first before."""
    ours = store.cache_root() / "bin"
    kept = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if folder and Path(folder) not in first and not Path(folder).is_relative_to(ours)
    ]
    return os.pathsep.join([*map(str, first), *kept])


def _passphrase(path: Path) -> Path:
    """A file with a random passphrase only its owner can read, made once."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_size:
            return path
        descriptor = os.open(path, os.O_WRONLY)  # a run was killed before it could write
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return path

"""How are whole states read and written, and which stacks are there?

Called where states are moved between shards, saved and put back; an ordinary run leaves that to the
engine. What is written goes to the command through a pipe, never through a file.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.engine.environment import check_environment, shared_config, spared
from reconciler.engine.failures import EngineError, explain

Document = Mapping[str, Any]


class NoStackError(EngineError):
    """There is no stack of that name."""


def stacks(root: Path) -> list[str]:
    """The short names of the project's stacks.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the backend cannot be asked.
    """
    listed = json.loads(_run(root, "", "stack", "ls", "--json").stdout)
    return [str(each["name"]).rpartition("/")[2] for each in listed]


def read(root: Path, stack: str, *, show_secrets: bool = False) -> dict[str, Any]:
    """What ``pulumi stack export`` says of a stack that exists.

    Args:
        root: the project's folder.
        stack: the stack's name.
        show_secrets: decrypt what is secret, to write it into a state with other keys.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the state cannot be read.
    """
    options = ("--show-secrets",) if show_secrets else ()
    exported = _run(root, stack, "stack", "export", "--stack", stack, *options)
    return dict(json.loads(exported.stdout))


def write(root: Path, stack: str, document: Document) -> None:
    """Make a document the state of a stack, which is made when it does not exist.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the state cannot be written.
    """
    from reconciler.engine.automation import make_stack

    content = json.dumps(document)
    try:
        _run(root, stack, "stack", "import", "--stack", stack, content=content)
    except NoStackError:
        make_stack(root, stack, shared_config(root, stack))
        _run(root, stack, "stack", "import", "--stack", stack, content=content)


def remove(root: Path, stack: str) -> None:
    """Remove a stack whose state is empty; its config, which is another's, stays.

    Raises:
        ToolError: the environment lacks something.
        EngineError: there is something in its state, or the backend refuses.
    """
    _run(root, stack, "stack", "rm", "--stack", stack, "--yes", "--preserve-config")


def _run(
    root: Path, stack: str, *arguments: str, content: str = ""
) -> subprocess.CompletedProcess[str]:
    check_environment(os.environ)
    done = subprocess.run(
        ("pulumi", *arguments, "--non-interactive"),
        cwd=root,
        env={**os.environ, **spared(), **(shared_config(root, stack) if stack else {})},
        input=content,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and "no stack named" in done.stderr:
        raise NoStackError(f"stack {stack}", "there is none", remedy="name another")
    if done.returncode != 0:
        reason, remedy = explain(done.stderr or done.stdout)
        raise EngineError(f"stack {stack}" if stack else str(root), reason, remedy=remedy)
    return done

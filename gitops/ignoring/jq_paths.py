"""Which paths of an object does a jq expression select?

Called by the ignore rules for ``jqPathExpressions``. Expressions are evaluated by a worker process
(``jq_worker``) that starts with the first of them and answers all of a run; one that takes too long
is stopped with the worker, and the next expression gets a new one.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gitops.errors import ConfigError, ToolError
from gitops.ignoring.jq_worker import program

_WORKER = Path(__file__).with_name("jq_worker.py")
_NO_PATH = "Invalid path expression"


def check(expression: str, *, subject: str) -> None:
    """Refuse an expression that jq cannot read.

    Raises:
        ConfigError: it is no jq, or names something that is not defined.
    """
    try:
        program(expression)
    except ImportError as error:
        raise ToolError(
            subject, f"jq cannot be loaded: {error}", remedy="install requirements.txt"
        ) from error
    except ValueError as error:
        lines = str(error).splitlines()
        reason = lines[0].removeprefix("jq: error: ").partition(" at <")[0]
        raise ConfigError(
            subject,
            f"{expression!r} is no jq path expression: {reason}",
            remedy='write a path such as ".spec.containers[].image"',
        ) from error


class Jq:
    """A worker that evaluates expressions; nothing is started before the first.

    Args:
        seconds: how long one expression may take for one object. ArgoCD allows a second; five leave
            room for a busy machine and for the worker's start.
    """

    def __init__(self, *, seconds: float = 5) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def paths(
        self, expression: str, document: Mapping[str, Any], *, subject: str
    ) -> list[list[Any]]:
        """The paths an expression selects, as jq's ``path`` writes them.

        An expression that fails for this object (it iterates over a field that is not there)
        selects nothing in it, as in ArgoCD.

        Raises:
            ConfigError: it takes too much time or memory, or computes a value instead of a path.
        """
        answer = self._answer(json.dumps([expression, document]))
        if answer is None:
            raise ConfigError(
                subject,
                f"jq took more than {self._seconds:g} s or 1 GiB for {expression!r}",
                remedy="write an expression that ends",
            )
        if str(answer.get("error", "")).startswith(_NO_PATH):
            raise ConfigError(
                subject,
                f"{expression!r} computes a value instead of selecting a field",
                remedy='write a path such as ".spec.containers[].image"',
            )
        paths: list[list[Any]] = answer.get("paths", [])
        return paths

    def _answer(self, line: str) -> dict[str, Any] | None:
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # the answer, which does not come, says so too
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            answered = selector.select(self._seconds)
        text = process.stdout.readline() if answered else ""
        if not text:
            self._stop()
            return None
        found: dict[str, Any] = json.loads(text)
        return found

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()

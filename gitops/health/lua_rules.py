"""What do the user's own health scripts say of objects?

Called by ``assess`` for kinds that a rule of the user is for. Scripts run in a worker process
(``lua_worker``) that starts with the first object they are asked about and serves a whole run; one
that takes too long ends with its worker, and the next object gets a new one.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gitops.health.lua_worker import NO_LUA
from gitops.health.status import Health, HealthStatus, one_line, unknown
from gitops.health.user_rules import UserRule, find

_WORKER = Path(__file__).with_name("lua_worker.py")
_PATIENCE = 60.0  # for a machine on which the worker itself comes to nothing
_FAILURES = 3


class UserRules:
    """The user's health scripts, and the worker that runs them; nothing is started before.

    Use it in a ``with`` statement around an assessment run; that ends the worker, and a later
    question starts another. Threads may share it.

    Args:
        rules: what ``user_rules.read`` has found in the config.
    """

    def __init__(self, rules: Sequence[UserRule]) -> None:
        self._rules = tuple(rules)
        self._found: dict[tuple[str, str], UserRule | None] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:  # not while another thread waits for an answer
            self._stop()

    def find(self, *, group: str, kind: str) -> UserRule | None:
        """The user's rule for a kind."""
        if (group, kind) not in self._found:
            self._found[group, kind] = find(self._rules, group=group, kind=kind)
        return self._found[group, kind]

    def judge(
        self, rule: UserRule, objects: Sequence[Mapping[str, Any]], *, now: datetime
    ) -> list[Health]:
        """What one script says of each object; Unknown, with the reason, where it fails.

        A script that has been ended three times is not tried with the objects left.
        """
        with self._lock:
            answers = list(self._answers(rule, [_encoded(live) for live in objects], now))
        return [_health(rule, answer) for answer in answers]

    def _answers(
        self, rule: UserRule, objects: Sequence[str], now: datetime
    ) -> Iterator[Mapping[str, str]]:
        done = failures = 0
        while done < len(objects):
            if failures == _FAILURES:
                yield {"error": "not tried again: it was ended too often"}
                done += 1
                continue
            self._ask(rule, objects[done:], now)
            while done < len(objects) and (line := self._line()):
                yield json.loads(line)
                done += 1
            if done < len(objects):
                failures += 1
                yield {"error": self._ended()}
                done += 1

    def _ask(self, rule: UserRule, objects: Sequence[str], now: datetime) -> None:
        request = {
            "script": rule.script,
            "open_libraries": rule.open_libraries,
            "now": int(now.timestamp()),
            "objects": objects,
        }
        process = self._started()
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer, which does not come, says so too
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()

    def _line(self) -> bytes:
        """The next line of the worker's, nothing when it has ended."""
        process = self._process
        assert process is not None and process.stdout is not None
        until = time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                ready = selector.select(max(until - time.monotonic(), 0))
                read = process.stdout.read1(1 << 16) if ready else b""  # type: ignore[attr-defined]
                if not read:
                    return b""
                self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _ended(self) -> str:
        """Why the worker has ended; the next request gets a new one."""
        code = self._stop(seconds=5)
        if code == -signal.SIGPROF:
            return "took more than 1 s"
        if code == NO_LUA:
            return "Lua cannot be loaded: install requirements.txt"
        return "ended its worker, probably by the memory it took"

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _stop(self, *, seconds: float = 0) -> int | None:
        """End the worker, if it does not within so many seconds; its exit code."""
        process, self._process, self._unread = self._process, None, b""
        if process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()
        return code


def _encoded(live: Mapping[str, Any]) -> str:
    """An object as JSON, nothing where it is none: one of many must not spoil the others."""
    try:
        return json.dumps(live)
    except (RecursionError, TypeError, ValueError):
        return ""


def _health(rule: UserRule, answer: Mapping[str, str]) -> Health:
    if error := answer.get("error"):
        return unknown(f"health script for {rule.pattern}: {error}")
    return one_line(HealthStatus(answer["status"]), answer["message"])

"""How is a pass killed: all of it or a part, at some moment?"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.checkout import Checkout

ENGINE, PROVIDER = "pulumi", "pulumi-resource-kubernetes"
IDLE = (PROVIDER, "pulumi-language-python")
WAYS = ("process", "tree", "engine", "provider")
_PARTS = {"engine": ENGINE, "provider": PROVIDER}
SECONDS = 180.0
STEP = 0.01


def kill_a_pass(checkout: Checkout, chance: random.Random, way: str, within: float) -> str:
    """Start a pass and kill it, or a part of it.

    Args:
        checkout: whose pass it is.
        chance: when it is killed.
        way: one of ``WAYS``.
        within: about how long a pass takes; it is killed at some moment before that.

    Returns:
        What was killed when; empty where the pass, or that part of it, was over before.
    """
    process = _start(checkout)
    try:
        victim = process.pid
        began = time.monotonic()
        if way in _PARTS:
            victim = _await(process, _PARTS[way])
            within /= 2
        moment = time.monotonic() + chance.uniform(0.0, within)
        while time.monotonic() < moment and process.poll() is None:
            time.sleep(STEP)
        if not victim or process.poll() is not None or not _is_alive(victim):
            process.wait(SECONDS)
            return ""
        for pid in _session(process.pid) if way == "tree" else (victim,):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed = time.monotonic() - began
        process.wait(SECONDS)
        return f"{way} after {killed:.2f} s"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        _await_the_end(process.pid)


def _start(checkout: Checkout) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler.cli", "reconcile", "--once"],
        cwd=checkout.root,
        env=dict(checkout.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _await(process: subprocess.Popen[bytes], name: str) -> int:
    """The number of the first process of a name that a pass starts; 0 where it starts none."""
    while process.poll() is None:
        for pid in _session(process.pid):
            words = _command(pid)
            if words and Path(words[0]).name == name and (name != ENGINE or "up" in words):
                return pid
        time.sleep(STEP)
    return 0


def _await_the_end(session: int) -> None:
    """An engine whose pass was killed ends as soon as it has something to say. What stays does
    nothing without it, and looks for it every five minutes."""
    deadline = time.monotonic() + SECONDS
    while left := [pid for pid in _session(session) if _is_alive(pid)]:
        if all(Path(_command(pid)[0]).name in IDLE for pid in left if _command(pid)):
            break
        assert time.monotonic() < deadline, [_command(pid) for pid in left]
        time.sleep(STEP)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _session(leader: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        fields = _stat(entry) if entry.name.isdigit() else []
        if fields and int(fields[3]) == leader:
            yield int(entry.name)


def _is_alive(pid: int) -> bool:
    fields = _stat(Path("/proc") / str(pid))
    return bool(fields) and fields[0] not in ("Z", "X")


def _stat(entry: Path) -> list[str]:
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []

"""Which processes have ended, and what is told to those that wait for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from reconciler.passes import processes
from reconciler.passes.endings import REASON, told_to_end
from reconciler.passes.stopping import Stop, StoppedError
from tests.e2e.live import until


def test_a_process_has_ended() -> None:
    """A living process has not ended, a killed one has, reaped or not; of other machines, and of
    names that say nothing, nobody knows."""
    own = processes.own()
    assert own
    assert not processes.has_ended(own)
    with subprocess.Popen(["sleep", "60"]) as other:
        name = processes.called(other.pid)
        assert not processes.has_ended(name)
        other.kill()
        until(lambda: processes.has_ended(name), "it to end")
        other.wait()
    assert processes.has_ended(name)
    _, _, rest = name.partition("/")
    for unknown in (f"other-boot:1/{rest}", "", "a", "a/b", "a/b/c"):
        assert not processes.has_ended(unknown)


def test_a_number_is_used_again() -> None:
    """Only a process that runs one of the programs counts."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", "pulumi"]
    with subprocess.Popen(command) as other:
        until(lambda: not processes.runs(other.pid, ["gitops"]), "it to be started")
        assert processes.runs(other.pid, ["gitops", "pulumi"])
        other.kill()
    assert not processes.runs(other.pid, ["pulumi"])


def test_stopping() -> None:
    """Who listens is told once, also when it was too late to ask; then nothing is begun."""
    stop, told = Stop("home"), list[str]()
    stop.check()
    with stop.told(lambda: told.append("first")):
        with stop.told(lambda: told.append("over")):
            pass
        stop.ask("because")
        stop.ask("again")
    with stop.told(lambda: told.append("late")):
        pass
    assert told == ["first", "late"]
    stop.check_lease()
    with pytest.raises(StoppedError, match="stack home: stopped: because"):
        stop.check()
    stop.ask("lost", lease_lost=True)
    with pytest.raises(StoppedError):
        stop.check_lease()


def test_told_to_end() -> None:
    """SIGTERM is told once and sets the event; afterwards it means what it meant before."""
    before, told = signal.getsignal(signal.SIGTERM), list[str]()
    with told_to_end(told.append) as ended:
        assert not ended.is_set()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert ended.wait(60)
    assert told == [REASON]
    assert signal.getsignal(signal.SIGTERM) is before

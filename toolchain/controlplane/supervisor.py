"""One process per control plane: starts the components, watches over them, ends them.

Started by ``lifecycle.start`` as ``python -m toolchain.controlplane.supervisor``; it detaches
itself. When a component dies, all of them end and the state says why; only while the API server
becomes ready, those that give up waiting for it are started again, a few times. It also ends by
itself when its directory is removed, its owner dies, or nobody has used it for long.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from toolchain.controlplane import components, credentials, namespaces, nodes, ports, state
from toolchain.controlplane.addresses import Balancer
from toolchain.controlplane.api import Api
from toolchain.controlplane.components import Command
from toolchain.controlplane.errors import ApiError
from toolchain.controlplane.idleness import IdleClock
from toolchain.controlplane.layout import Layout, read_json
from toolchain.controlplane.processes import Watched, end, spawn
from toolchain.controlplane.state import Phase, Status
from toolchain.controlplane.volumes import Provisioner

_START_SECONDS = 120.0
_STEP_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_PORT_ATTEMPTS = 5
_ATTEMPTS = 5
_LOG_LINES = 8


class EndError(Exception):
    """The control plane is to end.

    Args:
        phase: what it then is: stopped or failed.
        reason: why.
    """

    def __init__(self, phase: Phase, reason: str) -> None:
        super().__init__(reason)
        self.phase = phase
        self.reason = reason


class Supervisor:
    """The life of one control plane.

    Args:
        layout: its paths; settings.json says what was asked for.
        on_ready: called once when it is ready for use.
    """

    def __init__(self, layout: Layout, *, on_ready: Callable[[], None]) -> None:
        settings = read_json(layout.settings)
        owner = settings.get("owner_pid")
        self._layout = layout
        self._on_ready = on_ready
        self._binaries: dict[str, str] = settings["binaries"]
        self._nodes = int(settings["nodes"])
        self._idle = IdleClock(settings.get("idle_seconds"))
        self._owner = Watched(int(owner)) if owner else None
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._waiting: list[Command] = []
        self._status = Status(phase=Phase.STARTING, started_at=time.time())
        self._signals = _signal_pipe()
        self._signal: int | None = None
        self._began = time.monotonic()
        self._tokens: dict[str, str] = {}
        self._port = 0

    def run(self) -> Phase:
        """Live until something ends it; returns what it ended as."""
        preferred = read_json(self._layout.state).get("server", "").rpartition(":")[2]
        try:
            self._write(phase=Phase.STARTING)
            self._start(int(preferred) if preferred.isdigit() else None)
            ready_after = time.monotonic() - self._began
            self._write(phase=Phase.RUNNING, ready_after=ready_after)
            self._on_ready()
            while True:
                self._pause(_LOOK_SECONDS)
        except EndError as ending:
            phase, reason = ending.phase, ending.reason
        except Exception as error:
            phase, reason = Phase.FAILED, f"the supervisor failed: {error!r}"
            raise
        finally:
            self._end(phase, reason)
        return phase

    def _start(self, preferred: int | None) -> None:
        """Start all components, each as soon as what it needs is there."""
        layout = self._layout
        self._tokens = credentials.prepare(layout)
        components.write_component_settings(layout)
        for socket_file in layout.sockets.glob("etcd:*"):
            socket_file.unlink()
        self._spawn(components.etcd(layout, self._binaries))
        self._until(lambda: (layout.sockets / "etcd:1").exists(), "etcd opens its socket")
        self._start_api_server(preferred)
        for make in (components.controller_manager, components.nodes, components.scheduler):
            command = make(layout, self._binaries)
            # on a loaded machine the API server takes longer than they wait for it
            self._waiting += [command] * (_ATTEMPTS - 1)
            self._spawn(command)
        with closing(self._api()) as api:
            nodes.create(api, self._nodes)
            self._until(lambda: nodes.unready(api, self._nodes) is None, "the nodes accept pods")
        self._until(lambda: self._answers("/readyz"), "the API server is ready")
        self._waiting.clear()
        Provisioner(self._api()).start()
        Balancer(self._api()).start()
        namespaces.start(self._api())

    def _start_api_server(self, preferred: int | None) -> None:
        """Start the API server; when somebody takes its port in between, on another one."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self._port = ports.choose(preferred if attempt == 1 else None)
            self._spawn(components.api_server(self._layout, self._binaries, self._port))
            try:
                self._until(lambda: self._answers("/version"), "the API server answers")
                break
            except EndError as ending:
                if "address already in use" not in ending.reason or attempt == _PORT_ATTEMPTS:
                    raise
        server = f"https://127.0.0.1:{self._port}"
        credentials.write_kubeconfigs(self._layout, server, self._tokens)
        self._write(server=server)

    def _answers(self, path: str) -> bool:
        """Whether the API server answers; it first makes itself a certificate."""
        if not self._layout.certificate.exists():
            return False
        with closing(self._api()) as api:
            try:
                api.request("GET", path)
            except (ApiError, OSError):
                return False
        return True

    def _api(self) -> Api:
        return Api(
            port=self._port,
            token=self._tokens[credentials.SUPERVISOR],
            authority=self._layout.certificate.read_text(encoding="ascii"),
        )

    def _spawn(self, command: Command) -> None:
        self._children[command.name] = spawn(command, self._layout.logs / f"{command.name}.log")
        pids = {name: child.pid for name, child in self._children.items()}
        self._write(components=pids)

    def _until(self, is_done: Callable[[], bool], what: str) -> None:
        """Wait until something holds, while nothing ends the control plane."""
        while not is_done():
            if time.monotonic() - self._began > _START_SECONDS:
                reason = f"gave up after {_START_SECONDS:.0f} s waiting until {what}"
                raise EndError(Phase.FAILED, reason)
            self._pause(_STEP_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Sleep, woken by signals, then look whether anything ends the control plane."""
        readable, _, _ = select.select([self._signals], [], [], seconds)
        if readable:
            for number in self._signals.recv(64):
                self._signal = number if number != signal.SIGCHLD else self._signal
        for name, child in tuple(self._children.items()):
            if child.poll() is not None and not self._starts_again(name):
                reason = f"{name} ended with status {child.returncode}"
                log = _last_lines(self._layout.logs / f"{name}.log")
                raise EndError(Phase.FAILED, f"{reason}; its log ends:\n{log}")
        if self._signal is not None:
            raise EndError(Phase.STOPPED, f"stopped by {signal.Signals(self._signal).name}")
        if not self._layout.settings.exists():
            raise EndError(Phase.STOPPED, "its directory was removed")
        if self._owner and not self._owner.is_alive():
            raise EndError(Phase.STOPPED, "its owner ended")
        if self._idle.has_run_out(self._port, self._own_pids()):
            raise EndError(Phase.STOPPED, "nobody used it")

    def _starts_again(self, name: str) -> bool:
        command = next((each for each in self._waiting if each.name == name), None)
        if command is None:
            return False
        self._waiting.remove(command)
        self._spawn(command)
        return True

    def _own_pids(self) -> set[int]:
        return {os.getpid(), *(child.pid for child in self._children.values())}

    def _end(self, phase: Phase, reason: str) -> None:
        """End the components, the store last, and leave word of it."""
        self._write(phase=Phase.STOPPING, reason=reason)
        store = [child for name, child in self._children.items() if name == components.ETCD]
        others = [child for name, child in self._children.items() if name != components.ETCD]
        # They keep nothing: what they know is in the store. The API server would take its time.
        end(others, patience=0.3)
        end(store, patience=5.0)
        self._write(phase=phase, reason=reason)

    def _write(self, **changes: object) -> None:
        """Record a change of state; a removed directory has nobody who would read it."""
        values = {name: getattr(self._status, name) for name in Status.__slots__}
        self._status = Status(**{**values, **changes})
        if self._layout.directory.exists():
            state.write(self._layout, self._status)


def main(arguments: list[str]) -> int:
    """Detach from the caller and run; the pipe is closed when ready, or when it ends.

    Args:
        arguments: the control plane's directory, and the number of the pipe's open end.
    """
    layout, pipe = Layout(Path(arguments[0])), int(arguments[1])
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.set_inheritable(pipe, False)
    if not state.hold_supervisor_lock(layout):
        return 0
    ending = Supervisor(layout, on_ready=lambda: os.close(pipe)).run()
    return 0 if ending is Phase.STOPPED else 1


def _signal_pipe() -> socket.socket:
    """A socket that receives the number of each signal that concerns us."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.detach())
    return reader


def _last_lines(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in lines[-_LOG_LINES:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

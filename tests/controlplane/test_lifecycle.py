"""The life of a control plane: started, stopped, reset, killed, and what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.controlplane.client import Client, until
from toolchain import controlplane
from toolchain.controlplane import ControlPlane, ControlPlaneError, Phase, binaries
from toolchain.controlplane.__main__ import ExitCode, main


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One directory for the module; its control plane may or may not run when a test begins."""
    path = tmp_path_factory.mktemp("control-plane") / "life"
    yield path
    controlplane.stop(path)


@pytest.fixture
def plane(directory: Path) -> ControlPlane:
    return controlplane.start(directory, owner_pid=os.getpid())


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def all_pids(directory: Path) -> list[int]:
    current = controlplane.status(directory)
    assert current.pid is not None
    assert len(current.components) == 5
    return [current.pid, *current.components.values()]


def until_all_ended(pids: list[int]) -> None:
    until(lambda: not any(is_alive(pid) for pid in pids), f"the end of {pids}", seconds=10)


def make_config_map(plane: ControlPlane, name: str) -> None:
    with closing(Client(plane.kubeconfig)) as client:
        client.create("ConfigMap", name, "default", data={"a": "b"})


def config_maps(plane: ControlPlane) -> set[str]:
    with closing(Client(plane.kubeconfig)) as client:
        return {item["metadata"]["name"] for item in client.list("ConfigMap", "default")}


def test_second_start_does_nothing(plane: ControlPlane, directory: Path) -> None:
    """A second start leaves the running one alone and says so."""
    before = all_pids(directory)
    again = controlplane.start(directory)
    assert again.was_running
    assert (again.pid, again.server) == (plane.pid, plane.server)
    assert all_pids(directory) == before


def test_two_starts_at_once_become_one(directory: Path) -> None:
    """Two starts of a stopped control plane at the same time end with a single one."""
    controlplane.stop(directory)
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(controlplane.start, directory) for _ in range(3)]
        started = [future.result() for future in futures]
    assert len({item.pid for item in started}) == 1
    assert sorted(item.was_running for item in started) == [False, True, True]


def test_objects_survive_a_stop(plane: ControlPlane, directory: Path) -> None:
    """After stop and start the objects, the address and the kubeconfig are the same."""
    make_config_map(plane, "survivor")
    kubeconfig = plane.kubeconfig.read_text()
    pids = all_pids(directory)
    assert controlplane.stop(directory)
    until_all_ended(pids)
    assert controlplane.status(directory).phase is Phase.STOPPED
    assert not controlplane.stop(directory)
    again = controlplane.start(directory, owner_pid=os.getpid())
    assert "survivor" in config_maps(again)
    assert again.server == plane.server
    assert again.kubeconfig.read_text() == kubeconfig


def test_reset_forgets_the_objects(plane: ControlPlane, directory: Path) -> None:
    """A reset leaves no object, and the same kubeconfig works on."""
    make_config_map(plane, "forgotten")
    kubeconfig = plane.kubeconfig.read_text()
    again = controlplane.reset(directory, owner_pid=os.getpid(), nodes=1)
    assert "forgotten" not in config_maps(again)
    assert again.kubeconfig.read_text() == kubeconfig


def test_port_taken_meanwhile(plane: ControlPlane, directory: Path) -> None:
    """When somebody took its port, it starts on another one and the kubeconfig says so."""
    controlplane.stop(directory)
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", int(plane.server.rpartition(":")[2])))
        taker.listen()
        again = controlplane.start(directory, owner_pid=os.getpid())
    assert again.server != plane.server
    assert config_maps(again)


def test_two_side_by_side(plane: ControlPlane, control_plane: ControlPlane) -> None:
    """Two control planes have addresses and objects of their own, and neither's token fits both."""
    make_config_map(plane, "mine")
    assert plane.server != control_plane.server
    assert "mine" not in config_maps(control_plane)
    tokens = {
        json.loads(each.kubeconfig.read_text())["users"][0]["user"]["token"]
        for each in (plane, control_plane)
    }
    assert len(tokens) == 2


def test_kill_of_the_supervisor_ends_all(plane: ControlPlane, directory: Path) -> None:
    """When the supervisor is killed nothing of it stays, and the next start works."""
    pids = all_pids(directory)
    os.kill(plane.pid, signal.SIGKILL)
    until_all_ended(pids)
    current = controlplane.status(directory)
    assert current.phase is Phase.STOPPED
    assert current.reason == "the supervisor was killed"
    assert not controlplane.start(directory, owner_pid=os.getpid()).was_running


def test_death_of_a_component_ends_all(directory: Path) -> None:
    """A component that dies is not restarted: everything ends, and the status names it."""
    controlplane.start(directory, owner_pid=os.getpid())
    pids = all_pids(directory)
    os.kill(controlplane.status(directory).components["kube-scheduler"], signal.SIGKILL)
    until_all_ended(pids)
    current = controlplane.status(directory)
    assert current.phase is Phase.FAILED
    assert "kube-scheduler ended with status -9" in current.reason


def test_death_of_the_owner_ends_all(directory: Path) -> None:
    """A control plane started for a process ends when that process does."""
    controlplane.stop(directory)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as owner:
        controlplane.start(directory, owner_pid=owner.pid)
        pids = all_pids(directory)
        owner.kill()
        # Not yet collected: a zombie is as dead as it gets.
        until_all_ended(pids)
    assert controlplane.status(directory).reason == "its owner ended"


def test_removal_of_the_directory_ends_all(tmp_path: Path) -> None:
    """Removing its directory is a way to stop it."""
    directory = tmp_path / "removed"
    controlplane.start(directory, owner_pid=os.getpid(), nodes=1)
    pids = all_pids(directory)
    shutil.rmtree(directory)
    until_all_ended(pids)
    assert not directory.exists()


@pytest.mark.long
def test_unused_ends_in_time(directory: Path) -> None:
    """With a limit on idleness it lives while somebody is connected, and ends soon after."""
    controlplane.stop(directory)
    plane = controlplane.start(directory, owner_pid=os.getpid(), idle_seconds=2.0)
    pids = all_pids(directory)
    with closing(Client(plane.kubeconfig)) as client:
        connection = client.api._connect()
        connection.connect()
        # Reset instead of closed, or the kernel would remember it, as used, for a minute; it does
        # so anyway with those that asked whether the control plane is ready.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(4.0)
        assert is_alive(plane.pid)
    until(lambda: not any(is_alive(pid) for pid in pids), "its end", seconds=90)
    assert controlplane.status(directory).reason == "nobody used it"


def listeners(pids: list[int]) -> set[tuple[str, int]]:
    """The addresses and ports that processes listen on, from the kernel's own tables."""
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        listening = "0A" if table.startswith("tcp") else "07"
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == listening and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                found.add((address, int(port, 16)))
    return found


def test_it_listens_on_one_loopback_port(plane: ControlPlane, directory: Path) -> None:
    """No component listens anywhere but the API server, on 127.0.0.1."""
    loopback = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
    port = int(plane.server.rpartition(":")[2])
    assert listeners(all_pids(directory)) == {(loopback, port)}


def test_files_are_private(plane: ControlPlane) -> None:
    """The kubeconfig and everything that holds a token can be read by their owner only."""
    assert plane.kubeconfig.stat().st_mode & 0o777 == 0o600
    cluster = json.loads(plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    assert "insecure-skip-tls-verify" not in cluster
    for entry in plane.directory.iterdir():
        if entry.is_dir() or entry.stat().st_size:
            assert entry.stat().st_mode & 0o077 == 0, entry
    assert plane.directory.stat().st_mode & 0o077 == 0


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its programs it says which are missing and what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "installed", tuple)
    with pytest.raises(ControlPlaneError, match=r"kube-apiserver.*toolchain install"):
        controlplane.start(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A directory that cannot be made is named in the error."""
    (tmp_path / "file").touch()
    with pytest.raises(ControlPlaneError, match=r"file/plane: .*can be written"):
        controlplane.start(tmp_path / "file" / "plane")


def test_failing_component_is_quoted(tmp_path: Path) -> None:
    """When a component cannot start, the error holds the end of its log and nothing stays."""
    tools = tmp_path / "tools"
    tools.mkdir()
    program = tools / "kube-apiserver"
    program.write_text("#!/bin/sh\necho the flag is unknown\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(ControlPlaneError) as refusal:
        controlplane.start(tmp_path / "failing", tools=[tools])
    text = str(refusal.value)
    assert text.startswith("failing: kube-apiserver ended with status 3")
    assert "the flag is unknown" in text
    assert controlplane.status(tmp_path / "failing").phase is Phase.FAILED


def test_component_that_gives_up_is_started_again(tmp_path: Path) -> None:
    """One that ends while the API server is not ready yet is started again, as on a machine too
    loaded for its patience."""
    tools = tmp_path / "tools"
    tools.mkdir()
    real = shutil.which("kube-controller-manager")
    assert real
    program, once = tools / "kube-controller-manager", tmp_path / "once"
    program.write_text(f'#!/bin/sh\nmkdir {once} 2>/dev/null && exit 1\nexec {real} "$@"\n')
    program.chmod(0o755)
    directory = tmp_path / "patient"
    try:
        controlplane.start(directory, tools=[tools])
        assert once.is_dir()
        assert controlplane.status(directory).phase is Phase.RUNNING
    finally:
        controlplane.stop(directory)


def test_command_line(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands print what they did and exit with a code that scripts can use."""
    where = ["--directory", str(directory)]
    controlplane.stop(directory)
    assert main(["status", *where]) == ExitCode.NOT_RUNNING
    assert main(["start", *where, "--owner-pid", str(os.getpid())]) == ExitCode.OK
    assert main(["start", *where]) == ExitCode.OK
    assert main(["status", *where]) == ExitCode.OK
    assert main(["kubeconfig", *where]) == ExitCode.OK
    assert main(["start", *where, "--nodes", "0"]) == ExitCode.FAILED
    assert main(["stop", *where]) == ExitCode.OK
    printed = capsys.readouterr()
    for text in (
        "life: ready after",
        "life: was already running",
        "kube-apiserver",
        "life: stopped",
    ):
        assert text in printed.out
    assert f"export KUBECONFIG={directory}/kubeconfig" in printed.out
    assert "ask for 1 to" in printed.err

"""A PostgreSQL server of a test's own, where one is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.live import until

PLACES = "/usr/lib/postgresql/*/bin"
NOBODY = 65534
USER = "home"


def programs() -> dict[str, str]:
    """The programs a server needs, by name; Debian keeps them off PATH."""
    folders = [str(each) for each in sorted(Path("/").glob(PLACES.lstrip("/")), reverse=True)]
    path = os.pathsep.join((*folders, os.environ["PATH"]))
    found = {name: shutil.which(name, path=path) for name in ("initdb", "postgres")}
    return {name: place for name, place in found.items() if place}


@contextlib.contextmanager
def server(directory: Path) -> Iterator[str]:
    """Run one on the loopback; the URL as Pulumi takes it.

    Args:
        directory: an empty folder. The server does not run as root, so neither it nor anything
            above it may be for its owner alone.
    """
    found, as_nobody = programs(), _as_nobody(directory)
    # the environment is left out: it may name another server
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    options = ("-A", "trust", "-U", USER, "-N", "--no-locale", "-E", "UTF8")
    subprocess.run(
        [*as_nobody, found["initdb"], "-D", str(directory), *options],
        check=True,
        capture_output=True,
        env=environment,
        cwd="/",
    )
    port = free_port()
    where = ("-D", str(directory), "-h", "127.0.0.1", "-p", str(port), "-k", str(directory))
    process = subprocess.Popen(
        [*as_nobody, found["postgres"], *where, "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
    )
    try:
        until(lambda: answers(port), "PostgreSQL", seconds=60.0)
        yield f"postgres://{USER}@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _as_nobody(directory: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    os.chown(directory, NOBODY, NOBODY)
    ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return ["setpriv", *ids]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens on a port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False

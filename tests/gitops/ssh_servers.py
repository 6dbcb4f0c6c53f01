"""An SSH server on the loopback interface that runs what Git asks for, for those whose key it has.

A process of its own; ``python -m tests.gitops.ssh_servers FOLDER`` serves with the host key and the
``authorized_keys`` of a folder, which it reads anew for each connection.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

GIT = "git-upload-pack "


@dataclass(frozen=True, slots=True, kw_only=True)
class SSHServer:
    """A server: its port, and the folder with its keys."""

    folder: Path
    port: int

    @property
    def known_hosts(self) -> str:
        """Its key as ssh lists it."""
        key = (self.folder / "host_key.pub").read_text().strip()
        return f"[127.0.0.1]:{self.port} {key}\n"

    def url(self, repository: Path) -> str:
        return f"ssh://git@127.0.0.1:{self.port}{repository}"

    def admit(self) -> str:
        """A new key that is let in from now on, and no other; as text."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        (self.folder / "authorized_keys").write_bytes(key.export_public_key())
        return key.export_private_key().decode()


@contextmanager
def ssh_server(folder: Path) -> Iterator[SSHServer]:
    """A server with a new host key for as long as the context lasts."""
    folder.mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(folder / "host_key")
    key.write_public_key(folder / "host_key.pub")
    (folder / "authorized_keys").touch()
    command = [sys.executable, "-m", __name__, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield SSHServer(folder=folder, port=int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


class _Server(asyncssh.SSHServer):
    """Lets in whose key is in the file at this moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        admitted = (self._folder / "authorized_keys").read_bytes()
        return username == "git" and key.export_public_key() == admitted


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    command = process.command or ""
    if not command.startswith(GIT):
        process.exit(1)
        return
    pipes = asyncio.subprocess.PIPE
    git = await asyncio.create_subprocess_shell(command, stdin=pipes, stdout=pipes, stderr=pipes)
    await process.redirect(stdin=git.stdin, stdout=git.stdout, stderr=git.stderr)
    process.exit(await git.wait())


async def _serve(folder: Path) -> None:
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(folder / "host_key")],
        server_factory=lambda: _Server(folder),
        process_factory=_run,
        encoding=None,
    )
    print(server.get_port(), flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))

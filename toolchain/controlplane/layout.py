"""Where a control plane keeps its things inside its directory, and how they are written.

Called by the commands and by the supervisor; the two talk through these files alone. Everything
lies in folders and files that only their owner can read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside one control plane's directory.

    Args:
        directory: the folder of the control plane, absolute.
    """

    directory: Path

    @property
    def name(self) -> str:
        """The control plane's name: that of its folder."""
        return self.directory.name

    @property
    def kubeconfig(self) -> Path:
        """What users point KUBECONFIG at."""
        return self.directory / "kubeconfig"

    @property
    def settings(self) -> Path:
        """What the last ``start`` asked for; read by the supervisor."""
        return self.directory / "settings.json"

    @property
    def state(self) -> Path:
        """What the supervisor says about itself; read by the commands."""
        return self.directory / "state.json"

    @property
    def command_lock(self) -> Path:
        """Held while a command runs: two starts at once become one."""
        return self.directory / "command.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.directory / "supervisor.lock"

    @property
    def data(self) -> Path:
        """What etcd stores."""
        return self.directory / "etcd"

    @property
    def certificates(self) -> Path:
        """Where the API server writes the certificate it makes for itself."""
        return self.directory / "certificates"

    @property
    def certificate(self) -> Path:
        """The API server's certificate followed by the authority that signed it."""
        return self.certificates / "apiserver.crt"

    @property
    def credentials(self) -> Path:
        """Tokens, the key that signs service account tokens, and the components' settings."""
        return self.directory / "credentials"

    @property
    def sockets(self) -> Path:
        """Working directory of etcd and the API server: their socket lies here."""
        return self.directory / "run"

    @property
    def logs(self) -> Path:
        """One log for each component, and the supervisor's own."""
        return self.directory / "logs"

    def create(self) -> None:
        """Make the folders, readable by their owner alone."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.data, self.certificates, self.credentials, self.sockets, self.logs):
            folder.mkdir(exist_ok=True, mode=0o700)


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Args:
        path: the file; what was there is replaced.
        content: the text to write.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write_private(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an absent or unreadable file is an empty one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

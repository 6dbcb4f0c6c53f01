"""Where is a chart to be pulled from, and with which credentials?

Called by the chart store. Mirrors and credentials go by repository prefix; the longest wins.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gitops.credentials import secret_folder
from gitops.errors import ChartError
from gitops.rendering.inputs import ChartReference

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REMOTE = ("oci://", "https://", "http://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Where a user name and a password are: environment variables, or a Secret that is mounted as
    a folder."""

    username_env: str = ""
    password_env: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A repository charts are pulled from: a URL, or else a folder."""

    url: str = ""
    folder: Path | None = None

    def __str__(self) -> str:
        return self.url or str(self.folder)


def locate(repo: str, *, mirrors: Mapping[str, str], root: Path) -> Location:
    """Where the charts of a repository are, once mirrors are applied.

    Args:
        repo: as the source names it: ``oci://``, ``https://``, ``file://``, a path in the
            repository, or nothing for the repository's root.
        mirrors: a repository or folder for each prefix.
        root: the repository that relative folders start from.
    """
    prefix = longest_prefix(repo, mirrors)
    if prefix is not None:
        target = mirrors[prefix]
        rest = repo[len(prefix) :].strip("/")
        repo = f"{target.rstrip('/')}/{rest}" if rest else target
    if repo.startswith(_REMOTE):
        return Location(url=repo.rstrip("/"))
    return Location(folder=Path(os.path.normpath(root / repo.removeprefix("file://"))))


def check_name(chart: ChartReference) -> None:
    """Refuse a name that would be read as a path, a pattern or an option.

    Raises:
        ChartError: the name is none that Helm gives a chart.
    """
    if not _NAME.fullmatch(chart.name):
        raise ChartError(
            str(chart), f"{chart.name!r} is no name of a chart", remedy="correct the name"
        )


def longest_prefix(repo: str, prefixes: Iterable[str]) -> str | None:
    """The longest prefix that ends where a part of the repository's address ends."""
    fitting = [
        prefix
        for prefix in prefixes
        if prefix
        and repo.startswith(prefix)
        and (prefix.endswith("/") or repo[len(prefix) :][:1] in ("", "/"))
    ]
    return max(fitting, key=len, default=None)


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine: there an OCI registry may speak plain HTTP."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def login(
    chart: ChartReference, *, url: str, credentials: Mapping[str, Credential]
) -> tuple[str, str] | None:
    """The user name and password for a repository; ``None`` where it takes none.

    Raises:
        ChartError: a variable that should hold one of them is not set, or a Secret has none.
    """
    prefix = longest_prefix(url, credentials)
    if prefix is None:
        return None
    credential = credentials[prefix]
    if credential.secret:
        return _in_secret(chart, credential.secret, prefix)
    names = (credential.username_env, credential.password_env)
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ChartError(
            str(chart),
            f"{prefix} needs credentials, and {' and '.join(missing)} is not set",
            remedy="export the variables that chartCredentials names",
        )
    return os.environ[names[0]], os.environ[names[1]]


def _in_secret(chart: ChartReference, secret: str, prefix: str) -> tuple[str, str]:
    folder = secret_folder.named(secret)
    try:
        values = secret_folder.read(folder) if folder else {}
    except OSError as error:
        raise ChartError(
            str(chart),
            f"{prefix} needs credentials, and Secret {secret} cannot be read: {folder}: "
            f"{error.strerror}",
            remedy="mount it there",
        ) from error
    found = values.get("username", ""), values.get("password", "")
    if not all(found):
        what = "has no username and password" if folder else "is not mounted"
        raise ChartError(
            str(chart),
            f"{prefix} needs credentials, and Secret {secret} {what}",
            remedy=f"put them into a folder {secret} below the one {secret_folder.SECRETS} names",
        )
    return found


def write_settings(config: Path, *, url: str, name: str, login: tuple[str, str] | None) -> None:
    """Helm's own settings for one repository, in files only the owner can read.

    On the command line a password would be seen by everybody who can list processes.
    """
    username, password = login or ("", "")
    if not url.startswith("oci://"):
        entry = {"name": name, "url": url, "username": username, "password": password}
        _write_private(config / "repositories.yaml", {"apiVersion": "v1", "repositories": [entry]})
    elif login is not None:
        encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
        host = urlsplit(url).netloc
        _write_private(config / "registry" / "config.json", {"auths": {host: {"auth": encoded}}})


def _write_private(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(content), "utf-8")

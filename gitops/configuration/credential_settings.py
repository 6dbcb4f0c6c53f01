"""Where are the logins for charts and for Git, and which Secrets hold them?

Read by ``gitops.config``; the objects of a reconciler in the cluster mount the Secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gitops.errors import ConfigError
from gitops.git.login import RepositoryCredential
from gitops.git.working_tree import without_credentials

# What forges begin a token with, which people put where a user name belongs.
_TOKENS = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartCredentials:
    """Where a chart repository's user name and password are: environment variables, or the Secret
    that holds both."""

    username_env: str = ""
    password_env: str = ""
    secret: str = ""


def chart_credentials(values: Mapping[str, Any]) -> dict[str, ChartCredentials]:
    """The login for each prefix of chart repositories."""
    return {
        prefix: ChartCredentials(
            username_env=names.get("usernameEnv", ""),
            password_env=names.get("passwordEnv", ""),
            secret=names.get("secret", ""),
        )
        for prefix, names in values.items()
    }


def repository_credentials(values: Mapping[str, Any]) -> dict[str, RepositoryCredential]:
    """The login for each prefix of Git repositories."""
    return {
        prefix: RepositoryCredential(
            username_env=names.get("usernameEnv", ""),
            password_env=names.get("passwordEnv", ""),
            ssh_key_env=names.get("sshPrivateKeyEnv", ""),
            known_hosts_env=names.get("sshKnownHostsEnv", ""),
            secret=names.get("secret", ""),
        )
        for prefix, names in values.items()
    }


def secrets(credentials: Iterable[ChartCredentials | RepositoryCredential]) -> tuple[str, ...]:
    """The names of the Secrets that logins are in, each once."""
    return tuple(sorted({each.secret for each in credentials if each.secret}))


def contradictions(values: Mapping[str, Any], *, namespace: str) -> Iterator[ConfigError]:
    """Logins that are two or none, and one that would be shown to everybody.

    Args:
        values: the config's keys; their schema has been checked.
        namespace: the keys' namespace.
    """
    for key in ("chartCredentials", "repositoryCredentials"):
        for prefix, names in values.get(key, {}).items():
            if reason := _contradiction(names, chart=key == "chartCredentials"):
                remedy = "write a secret, or the variables it needs"
                yield ConfigError(f"config {namespace}:{key}.{prefix}", reason, remedy=remedy)
    url = values.get("source", {}).get("repoURL", "")
    if holds_password(url):
        yield ConfigError(
            f"config {namespace}:source.repoURL",
            f"{without_credentials(url)} holds a password or token, which would be shown and kept "
            "wherever the address is",
            remedy="take it out and make it invalid; put a new one into the Secret that "
            f"{namespace}:reconciler.deploy.git names, or give it to Git's own credential helper",
        )


def _contradiction(names: Mapping[str, Any], *, chart: bool) -> str:
    if not names:
        return "names no login"
    if "secret" in names:
        return "names a Secret and variables" if len(names) > 1 else ""
    return "is half a login" if chart and len(names) < 2 else ""


def holds_password(url: str) -> bool:
    """Whether an address has a password in it, or a token as its user name."""
    parts = urlsplit(url)
    return bool(parts.password) or (parts.username or "").startswith(_TOKENS)

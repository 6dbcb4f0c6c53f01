"""How does Git log in to a repository's server?

Called for every command of Git that goes to a server. The config names environment variables; what
they hold is handed on for that one command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gitops.errors import RenderError

_USERNAME, _PASSWORD = "HOME_OPS_GIT_USERNAME", "HOME_OPS_GIT_PASSWORD"
_HELPER = (
    f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    f'"${_USERNAME}" "${_PASSWORD}"; }}; f'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCredential:
    """The environment variables that hold what a repository's server wants.

    Either a user name and a password (or token) for HTTPS, or a private key for SSH, as text.
    """

    username_env: str = ""
    password_env: str = ""
    ssh_key_env: str = ""


def credential_for(
    url: str, credentials: Mapping[str, RepositoryCredential]
) -> RepositoryCredential | None:
    """The login of the longest prefix that ends where a part of the address ends:
    ``git@example.com:``, too."""
    fitting = (
        prefix
        for prefix in credentials
        if url.startswith(prefix)
        and (prefix.endswith(("/", ":")) or url[len(prefix) :][:1] in ("", "/", ":"))
    )
    longest = max(fitting, key=len, default=None)
    return None if longest is None else credentials[longest]


def login(url: str, credential: RepositoryCredential, folder: Path) -> dict[str, str]:
    """The environment in which Git logs in; a password is in no argument and in no file.

    Args:
        url: the repository.
        credential: the variables that hold its login.
        folder: where a key may be put for as long as Git runs.

    Raises:
        RenderError: a variable is not set, or half of the login is missing.
    """
    wanted = [credential.ssh_key_env] if credential.ssh_key_env else []
    wanted = wanted or [credential.username_env, credential.password_env]
    if not all(wanted):
        raise RenderError(
            f"repository {url}",
            "its repositoryCredentials are incomplete",
            remedy="name usernameEnv and passwordEnv, or sshPrivateKeyEnv",
        )
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing:
        raise RenderError(
            f"repository {url}",
            f"needs credentials, and {' and '.join(missing)} is not set",
            remedy="export the variables that repositoryCredentials names",
        )
    if credential.ssh_key_env:
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(os.environ[credential.ssh_key_env].rstrip("\n") + "\n")
        return {"GIT_SSH_COMMAND": f"ssh -i {key} -o IdentitiesOnly=yes -o BatchMode=yes"}
    # A helper is asked by Git for the very server it talks to; a header would also go to whomever
    # that server redirects to. The empty one keeps people's own helpers from storing the password.
    parts = urlsplit(url)
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": f"credential.{parts.scheme}://{parts.netloc}.helper",
        "GIT_CONFIG_VALUE_1": _HELPER,
        _USERNAME: os.environ[credential.username_env].rstrip("\n"),
        _PASSWORD: os.environ[credential.password_env].rstrip("\n"),
    }

"""How does Git log in to a repository's server?

Called for every command of Git that goes to a server. The config names environment variables, or a
Secret that is mounted as a folder; what they hold is read for that one command and handed on to it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gitops.credentials import git_secret, github_app, secret_folder
from gitops.credentials.errors import LoginError
from gitops.credentials.git_secret import Login

_USERNAME, _PASSWORD = "HOME_OPS_GIT_USERNAME", "HOME_OPS_GIT_PASSWORD"
_HELPER = (
    f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    f'"${_USERNAME}" "${_PASSWORD}"; }}; f'
)
_NOBODY = "home-ops:repositoryCredentials"
_REFUSED = ("Authentication failed", "Invalid username or")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCredential:
    """Where a repository's login is: a Secret, or environment variables.

    The variables hold either a user name and a password (or token) for HTTPS, or a private key for
    SSH, as text; ``known_hosts_env`` what ``~/.ssh/known_hosts`` would hold.
    """

    username_env: str = ""
    password_env: str = ""
    ssh_key_env: str = ""
    known_hosts_env: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The environment in which Git logs in, and what helps where it is not let in."""

    environment: Mapping[str, str]
    login: Login | None = None

    @property
    def remedy(self) -> str:
        """What to check where the server refuses."""
        return self.login.remedy if self.login else f"check the address, and {_NOBODY}"

    def refused(self, said: str) -> None:
        """Take note that the server has refused what it was given, with Git's words."""
        if self.login and self.login.app and any(each in said for each in _REFUSED):
            github_app.forget(self.login.app)


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


@contextmanager
def access(url: str, credential: RepositoryCredential | None, *, own: bool) -> Iterator[Access]:
    """What Git needs to log in, for as long as the context lasts; a password is in no argument and
    in no file, a key in a file only its owner reads.

    Args:
        url: the repository.
        credential: where its login is; nobody logs in without one.
        own: whether it is the stack's own repository, whose login a Pod has in a Secret.

    Raises:
        LoginError: there is no login where one is named, or half of one.
    """
    folder = secret_folder.own() if own else None
    found: Login | None = None
    if credential is not None:
        found = _login(url, credential)
    elif folder is not None:
        found = git_secret.read(folder, url=url)
    with tempfile.TemporaryDirectory(prefix="home-ops-git-") as name:
        yield Access(environment=_environment(url, found, Path(name)), login=found)


def _login(url: str, credential: RepositoryCredential) -> Login:
    if credential.secret:
        folder = secret_folder.named(credential.secret)
        if folder is None:
            raise LoginError(
                f"repository {url}",
                f"Secret {credential.secret} logs in to it, and {secret_folder.SECRETS} is not set",
                remedy=f"name there the folder that has the files of the Secret in a folder "
                f"{credential.secret}",
            )
        return git_secret.read(folder, url=url)
    known = [credential.known_hosts_env] if credential.known_hosts_env else []
    wanted = [credential.ssh_key_env, *known] if credential.ssh_key_env else []
    wanted = wanted or [credential.username_env, credential.password_env]
    if not all(wanted):
        raise LoginError(
            f"repository {url}",
            "its repositoryCredentials are incomplete",
            remedy="name a secret, or usernameEnv and passwordEnv, or sshPrivateKeyEnv",
        )
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing:
        raise LoginError(
            f"repository {url}",
            f"needs credentials, and {' and '.join(missing)} is not set",
            remedy="export the variables that repositoryCredentials names",
        )
    values = [os.environ[name].rstrip("\n") for name in wanted]
    if credential.ssh_key_env:
        return Login(origin=_NOBODY, ssh_key=values[0], known_hosts="".join(values[1:]))
    return Login(origin=_NOBODY, username=values[0], password=values[1])


def _environment(url: str, found: Login | None, folder: Path) -> dict[str, str]:
    # Git never asks: nobody is there to answer
    environment = {"GIT_TERMINAL_PROMPT": "0"}
    if found is None:
        return environment
    parts = urlsplit(url)
    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    settings: list[tuple[str, str]] = []
    if found.authorities:
        # a setting would lose against the variable, which a machine may have for other servers
        environment["GIT_SSL_CAINFO"] = str(_written(folder / "ca.crt", found.authorities))
    if found.insecure:
        settings.append((f"http.{server}.sslVerify", "false"))
    if found.ssh_key:
        environment["GIT_SSH_COMMAND"] = _ssh(found, folder)
    else:
        # A helper is asked by Git for the very server it talks to; a header would also go to
        # whomever that server redirects to. The empty one keeps people's own helpers from storing
        # the password.
        settings += [("credential.helper", ""), (f"credential.{server}.helper", _HELPER)]
        environment |= {_USERNAME: found.username, _PASSWORD: found.password}
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (name, value) in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{number}"] = name
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _ssh(found: Login, folder: Path) -> str:
    key = _written(folder / "key", found.ssh_key)
    options = ["IdentitiesOnly=yes", "BatchMode=yes"]
    if found.known_hosts:
        known = _written(folder / "known_hosts", found.known_hosts)
        options.append(f"UserKnownHostsFile={known}")
    elif found.insecure:
        options.append("UserKnownHostsFile=/dev/null")
    options.append(f"StrictHostKeyChecking={'no' if found.insecure else 'yes'}")
    return f"ssh -i {key} " + " ".join(f"-o {each}" for each in options)


def _written(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text.rstrip("\n") + "\n")
    return path

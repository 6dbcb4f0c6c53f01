"""How does a Secret log in to a Git repository?

Called where Git logs in with a Secret that is mounted as a folder. Its keys are those of ArgoCD's
repository Secrets ("Declarative Setup: Repositories"), of Kubernetes' own types for basic and SSH
authentication, and two more: ``known_hosts`` and ``ca.crt``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitops.credentials import github_app, secret_folder
from gitops.credentials.errors import LoginError
from gitops.credentials.github_app import GitHubApp

# What others of ArgoCD's keys ask for is not done, and must not be thought to be.
_UNSUPPORTED = {
    "bearerToken": "use username and password",
    "tlsClientCertData": "use username and password, or a key for SSH",
    "tlsClientCertKey": "use username and password, or a key for SSH",
    "proxy": "set HTTPS_PROXY for the reconciler",
    "gcpServiceAccountKey": "use username and password",
    "useAzureWorkloadIdentity": "use username and password",
}
_INSECURE = {"": False, "false": False, "true": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a repository's server wants, and how it is known: ``authorities`` are certificates in
    PEM, ``known_hosts`` keys of servers as ssh lists them, ``insecure`` trusts anybody. ``origin``
    is where all this stands, for people."""

    origin: str
    username: str = ""
    password: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = ""
    authorities: str = ""
    insecure: bool = False
    app: GitHubApp | None = None

    @property
    def remedy(self) -> str:
        """What helps where the server does not let us in."""
        if self.app is None:
            return f"check the address, and {self.origin}"
        return (
            f"check the address, and that the installation of GitHub App {self.app.app_id} "
            "includes the repository and may read its contents"
        )


def read(folder: Path, *, url: str) -> Login:
    """The login a Secret holds.

    Args:
        folder: where the Secret is mounted.
        url: the repository.

    Raises:
        LoginError: there is no such folder, or the Secret holds no login, several, or half of one;
            or its GitHub App gets no token.
    """
    try:
        values = secret_folder.read(folder)
    except OSError as error:
        raise LoginError(
            f"repository {url}",
            f"the Secret that logs in to it cannot be read: {folder}: {error.strerror}",
            remedy="mount it there",
        ) from error
    origin = f"Secret {folder.name}"
    for name, instead in _UNSUPPORTED.items():
        if values.get(name, "").strip() not in ("", "false"):
            raise LoginError(f"repository {url}", f"{origin}: {name} has no effect", remedy=instead)
    return _login(values, origin, url)


def _login(values: Mapping[str, str], origin: str, url: str) -> Login:
    insecure = _INSECURE.get(values.get("insecure", "").strip().lower())
    if insecure is None:
        reason = f"{origin}: insecure is neither true nor false"
        raise LoginError(f"repository {url}", reason, remedy="leave it out")
    app = _app(values, origin, url, insecure=insecure)
    key = values.get("sshPrivateKey") or values.get("ssh-privatekey", "")
    username, password = values.get("username", ""), values.get("password", "")
    if app is not None:
        username, password = github_app.USERNAME, github_app.token(app, url)
    # ArgoCD asks for no user name with a token; servers then take any but none
    username = username or ("git" if password else "")
    found = [name for name, given in (("an SSH key", key), ("a password", password)) if given]
    if len(found) != 1:
        raise LoginError(
            f"repository {url}",
            f"{origin} holds {' and '.join(found) or 'nothing that logs in'}",
            remedy="put in username and password, or sshPrivateKey and known_hosts, or a "
            "GitHub App (githubAppID, githubAppInstallationID, githubAppPrivateKey)",
        )
    return Login(
        origin=origin,
        username=username,
        password=password,
        ssh_key=key,
        known_hosts=values.get("known_hosts", ""),
        authorities=values.get("ca.crt", ""),
        insecure=insecure,
        app=app,
    )


def _app(values: Mapping[str, str], origin: str, url: str, *, insecure: bool) -> GitHubApp | None:
    number, key = values.get("githubAppID", "").strip(), values.get("githubAppPrivateKey", "")
    if not number and not key:
        return None
    base = values.get("githubAppEnterpriseBaseUrl", "").strip() or github_app.API
    reason = ""
    if not number or not key:
        reason = "githubAppID and githubAppPrivateKey belong together"
    elif not base.startswith("https://") and not insecure:
        reason = "githubAppEnterpriseBaseUrl is no https:// address"
    elif not url.startswith("http"):
        reason = "holds a GitHub App, which logs in to https:// addresses alone"
    if reason:
        raise LoginError(f"repository {url}", f"{origin}: {reason}", remedy="correct it")
    return GitHubApp(
        app_id=number,
        private_key=key,
        installation_id=values.get("githubAppInstallationID", "").strip(),
        base_url=base,
        authorities=values.get("ca.crt", ""),
        insecure=insecure,
    )

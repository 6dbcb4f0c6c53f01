"""A GitHub App logs in to Git with a token that GitHub gives it for what it has signed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import git
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gitops.credentials import github_app
from gitops.credentials.errors import LoginError
from gitops.credentials.github_app import GitHubApp
from reconciler.passes.workspace import RepositoryError, Workspace
from tests.gitops.certificates import loopback, pem, rsa_key
from tests.gitops.credentials.mounted import mount
from tests.gitops.git_servers import GitServer, git_server
from tests.gitops.github_api import GitHub, github
from tests.gitops.rendering import write


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """GitHub with one repository, and the key of the App that may read it."""

    api: GitHub
    git: GitServer
    key: rsa.RSAPrivateKey
    authority: str

    def secret(self, **changes: str) -> dict[str, str]:
        """The repository Secret as ArgoCD has it, with GitHub's authority."""
        return {
            "githubAppID": self.api.app,
            "githubAppInstallationID": self.api.installation,
            "githubAppPrivateKey": pem(self.key),
            "githubAppEnterpriseBaseUrl": self.api.url,
            "ca.crt": self.authority,
            **changes,
        }

    def app(self, **changes: str) -> GitHubApp:
        """The same as a value."""
        fields = {
            "app_id": self.api.app,
            "installation_id": self.api.installation,
            "private_key": pem(self.key),
            "base_url": self.api.url,
            "authorities": self.authority,
            **changes,
        }
        return GitHubApp(**fields)  # type: ignore[arg-type]  # all of them are text


@contextmanager
def made(tmp_path: Path) -> Iterator[Forge]:
    certificate, key = loopback(tmp_path / "certificates"), rsa_key()
    login = f"nobody:{secrets.token_urlsafe(12)}"  # until the first token is given
    with git_server(tmp_path / "upstream", certificate=certificate, login=login) as server:

        def admit(token: str) -> None:
            server.login = f"x-access-token:{token}"

        with github(key.public_key(), certificate=certificate, give=admit) as api:
            authority = certificate.with_name("ca.crt").read_text()
            yield Forge(api=api, git=server, key=key, authority=authority)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """GitHub, as far as this needs it."""
    repository = git.Repo.init(tmp_path / "upstream", initial_branch="main")
    with repository.config_writer() as config:
        config.set_value("user", "name", "someone")
        config.set_value("user", "email", "someone@example.com")
    write(Path(repository.working_dir), {"file": "1"})
    repository.index.add(["file"])
    repository.index.commit("1")
    with made(tmp_path) as found:
        yield found


@pytest.fixture
def secret(tmp_path: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Secret of the stack's own repository, mounted."""
    folder = mount(tmp_path / "secret", forge.secret())
    monkeypatch.setenv("HOME_OPS_GIT", str(folder))
    return folder


def test_a_working_copy(tmp_path: Path, forge: Forge, secret: Path) -> None:
    """The token GitHub gives is what Git logs in with, over several fetches; it is nowhere on disk.
    One the server takes no longer is replaced, and a new key in the Secret counts at once."""
    copy = Workspace(forge.git.url, tmp_path / "copy")
    assert (copy.update("main")[1] / "file").read_text() == "1"
    copy.fetch()
    assert len(forge.api.tokens) == 1
    assert {given for _, given in forge.git.asked} == {"", forge.git.authorization}
    [token] = forge.api.tokens
    kept = b"".join(each.read_bytes() for each in copy.root.rglob("*") if each.is_file())
    assert token.encode() not in kept

    forge.git.login = "x-access-token:revoked"
    with pytest.raises(RepositoryError, match=r"installation of GitHub App 12345 includes") as told:
        copy.fetch()
    assert token not in str(told.value)
    copy.fetch()
    assert len(forge.api.tokens) == 2

    key = rsa_key()
    forge.api.key = key.public_key()
    copy.fetch()  # with the token of the old key
    assert len(forge.api.tokens) == 2
    mount(secret, forge.secret(githubAppPrivateKey=pem(key)))
    copy.fetch()
    assert len(forge.api.tokens) == 3


def test_a_token_is_renewed_before_it_ends(forge: Forge) -> None:
    """It serves as long as it has five minutes left, and then there is a new one."""
    now, url = datetime.now(UTC), forge.git.url
    first = github_app.token(forge.app(), url, now=now)
    assert github_app.token(forge.app(), url, now=now + timedelta(minutes=54)) == first
    forge.api.lasts = timedelta(hours=3)
    later = now + timedelta(minutes=56)
    assert forge.api.tokens == [first]
    with pytest.raises(LoginError, match="does not believe that it is GitHub App 12345"):
        github_app.token(forge.app(), url, now=later)  # a JWT from the future
    forge.api.lasts = timedelta(minutes=1)
    assert github_app.token(forge.app(authorities=forge.authority + "\n"), url) != first
    short = github_app.token(forge.app(authorities=forge.authority + "\n"), url)
    assert forge.api.tokens[-2:] == [forge.api.tokens[-2], short]
    assert len(forge.api.tokens) == 3


def test_an_installation_that_is_not_named(forge: Forge) -> None:
    """It is looked up by the repository."""
    token = github_app.token(forge.app(installation_id=""), forge.git.url)
    assert forge.api.tokens == [token]
    assert forge.api.asked[0] == "GET /api/v3/repos/someone/repo/installation"


def test_refused(forge: Forge) -> None:
    """A wrong key, a wrong App, an installation there is not, a repository that it does not
    include, an authority nobody knows: each says who, what, and what to do, and shows no key."""
    url, own = forge.git.url, pem(rsa_key())
    for app, said in (
        (forge.app(private_key=own), "does not believe that it is GitHub App 12345: A JSON web"),
        (
            forge.app(app_id="1"),
            "GitHub App 1: A JSON.*; check githubAppID and githubAppPrivateKey",
        ),
        (
            forge.app(installation_id="9"),
            "GitHub App 12345 has no installation 9: Not Found; check",
        ),
        (forge.app(installation_id="", base_url=f"{forge.api.url}/x"), "has no installation here"),
        (forge.app(authorities=""), r"does not answer: .*certificate.*ca\.crt"),
    ):
        with pytest.raises(LoginError, match=f"^repository {url}: .*{said}") as told:
            github_app.token(app, url)
        assert own.splitlines()[1] not in str(told.value)


def test_a_repository_it_does_not_include(forge: Forge, secret: Path, tmp_path: Path) -> None:
    """GitHub says that there is no such repository; we say what may be missing."""
    assert secret.is_dir()
    elsewhere = forge.git.url.replace("repo", "other")
    with pytest.raises(RepositoryError, match=r"not found.*GitHub App 12345 includes the repos"):
        Workspace(elsewhere, tmp_path / "copy").fetch()

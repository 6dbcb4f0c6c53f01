"""Git logs in with what a mounted Secret holds at that moment, and with nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import git
import pytest

from gitops.credentials import git_secret
from gitops.credentials.errors import LoginError
from gitops.errors import RenderError
from gitops.git.login import RepositoryCredential
from gitops.git.repositories import OwnRepository, Repositories
from reconciler.passes.workspace import RepositoryError, Workspace
from tests.gitops.certificates import loopback
from tests.gitops.credentials.mounted import mount
from tests.gitops.git_servers import GitServer, git_server
from tests.gitops.rendering import write
from tests.gitops.ssh_servers import SSHServer, ssh_server

SOMEONE = {"username": "someone"}
URL = "https://git.example/someone/repo"


@pytest.fixture
def upstream(tmp_path: Path) -> git.Repo:
    """A repository somebody pushes to."""
    repository = git.Repo.init(tmp_path / "upstream", initial_branch="main")
    with repository.config_writer() as config:
        config.set_value("user", "name", "someone")
        config.set_value("user", "email", "someone@example.com")
    commit(repository, "1")
    return repository


def commit(repository: git.Repo, text: str) -> str:
    write(Path(repository.working_dir), {"file": text})
    repository.index.add(["file"])
    return repository.index.commit(text).hexsha


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A server's certificate from an authority nobody knows."""
    return loopback(tmp_path / "certificates")


@pytest.fixture
def server(upstream: git.Repo, certificate: Path) -> Iterator[GitServer]:
    """A server of that repository, for those who have its password."""
    login = f"someone:{secrets.token_urlsafe(12)}"
    with git_server(Path(upstream.working_dir), certificate=certificate, login=login) as served:
        yield served


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SSHServer]:
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    with ssh_server(tmp_path / "ssh") as served:
        yield served


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the Secret of the stack's own repository is mounted; it is empty."""
    folder = mount(tmp_path / "secrets" / "git")
    monkeypatch.setenv("HOME_OPS_GIT", str(folder))
    return folder


def other(tmp_path: Path, url: str, secret: str) -> Repositories:
    """Repositories of a new pass, one of which a Secret logs in to."""
    return Repositories(
        tmp_path / "cache",
        OwnRepository(root=tmp_path / "own"),
        {url: RepositoryCredential(secret=secret)},
    )


def stored(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


def test_a_password_and_an_authority(
    tmp_path: Path, upstream: git.Repo, certificate: Path, server: GitServer, secret: Path
) -> None:
    """A working copy follows a server with a password and an authority of its own; a new password
    counts for the very next fetch, and is nowhere on disk. A server whose authority is unknown is
    refused, unless the Secret says that anybody will do."""
    authority = certificate.with_name("ca.crt").read_text()
    password = server.login.partition(":")[2]
    mount(secret, {**SOMEONE, "password": f"{password}\n", "ca.crt": authority})
    copy = Workspace(server.url, tmp_path / "copy")
    assert (copy.update("main")[1] / "file").read_text() == "1"

    second, server.login = commit(upstream, "2"), f"someone:{secrets.token_urlsafe(12)}"
    with pytest.raises(
        RepositoryError, match=r"Authentication failed.*; check .*, and Secret git$"
    ):
        copy.fetch()
    anew = server.login.partition(":")[2]
    mount(secret, {**SOMEONE, "password": anew, "ca.crt": authority})
    assert copy.update("main")[0].id == second
    assert {given for _, given in server.asked} >= {"", server.authorization}
    for text in (password, anew):
        assert text.encode() not in stored(copy.root)

    mount(secret, {**SOMEONE, "password": anew})
    with pytest.raises(RepositoryError, match=r"certificate.*; put its authority into ca.crt"):
        copy.fetch()
    mount(secret, {**SOMEONE, "password": anew, "insecure": "true"})
    copy.fetch()


def test_a_key_and_known_hosts(
    tmp_path: Path, upstream: git.Repo, ssh: SSHServer, secret: Path
) -> None:
    """A working copy follows a server over SSH; a new key counts for the very next fetch, and is
    nowhere on disk. A server that is not the one in known_hosts is refused with what it has shown,
    one that is not there with what to do."""
    key, url = ssh.admit(), ssh.url(Path(upstream.working_dir))
    mount(secret, {"ssh-privatekey": key, "known_hosts": ssh.known_hosts})
    copy = Workspace(url, tmp_path / "copy")
    assert (copy.update("main")[1] / "file").read_text() == "1"

    second, anew = commit(upstream, "2"), ssh.admit()
    with pytest.raises(RepositoryError, match=r"Permission denied.*; check .*, and Secret git$"):
        copy.fetch()
    mount(secret, {"sshPrivateKey": anew.rstrip("\n"), "known_hosts": ssh.known_hosts})
    assert copy.update("main")[0].id == second
    for text in (key, anew):
        assert text.splitlines()[2].encode() not in stored(copy.root)

    with ssh_server(tmp_path / "another") as another:
        wrong = another.known_hosts.replace(str(another.port), str(ssh.port))
        mount(secret, {"sshPrivateKey": anew, "known_hosts": wrong})
        with pytest.raises(
            RepositoryError, match=r"shown the SSH host key SHA256:\S+, and known_h"
        ):
            copy.fetch()
    mount(secret, {"sshPrivateKey": anew})
    with pytest.raises(
        RepositoryError, match=r"verification failed.*; add the server's key to kno"
    ):
        copy.fetch()


def test_other_repositories(
    tmp_path: Path,
    server: GitServer,
    certificate: Path,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Secret the config names logs in to what it is named for. That of the stack's own repository
    does not: a server that only asks for a password does not get it."""
    password, authority = server.login.partition(":")[2], certificate.with_name("ca.crt")
    values = {**SOMEONE, "password": password, "ca.crt": authority.read_text()}
    mount(secret, values)
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority))
    with pytest.raises(RenderError, match="could not read Username"):
        Repositories(tmp_path / "cache", OwnRepository(root=tmp_path)).tree(server.url, "main")
    own = Repositories(tmp_path / "cache", OwnRepository(root=tmp_path, urls=(server.url,)))
    assert (own.tree(server.url, "main") / "file").read_text() == "1"
    monkeypatch.delenv("HOME_OPS_GIT")
    monkeypatch.delenv("GIT_SSL_CAINFO")

    with pytest.raises(RenderError, match="and HOME_OPS_SECRETS is not set; name there the folder"):
        other(tmp_path, server.url, "forge").tree(server.url, "main")
    monkeypatch.setenv("HOME_OPS_SECRETS", str(tmp_path / "secrets"))
    with pytest.raises(
        RenderError, match=r"cannot be read: .*forge: No such file.*; mount it there"
    ):
        other(tmp_path, server.url, "forge").tree(server.url, "main")
    mount(tmp_path / "secrets" / "forge", values)
    assert (other(tmp_path, server.url, "forge").tree(server.url, "main") / "file").is_file()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Secret git holds nothing that logs in; put in username"),
        ({"username": "someone"}, "holds nothing that logs in"),
        ({"password": "x", "sshPrivateKey": "y"}, "holds an SSH key and a password"),
        ({"bearerToken": "x"}, "bearerToken has no effect; use username and password"),
        ({"tlsClientCertData": "x"}, "tlsClientCertData has no effect"),
        ({"password": "x", "insecure": "yes"}, "insecure is neither true nor false"),
        ({"githubAppID": "1"}, "githubAppID and githubAppPrivateKey belong together"),
        (
            {"githubAppID": "1", "githubAppPrivateKey": "x", "githubAppInstallationID": "2"},
            "the key of GitHub App 1 is no RSA private key in PEM; correct githubAppPrivateKey",
        ),
        (
            {
                "githubAppID": "1",
                "githubAppPrivateKey": "x",
                "githubAppEnterpriseBaseUrl": "http://ghe.example",
            },
            "githubAppEnterpriseBaseUrl is no https:// address",
        ),
    ],
)
def test_what_is_no_login(tmp_path: Path, values: dict[str, str], said: str) -> None:
    """A Secret that holds no login, two, or what has no effect here is refused with the remedy."""
    folder = mount(tmp_path / "git", values)
    with pytest.raises(LoginError, match=f"^repository {URL}: .*{said}"):
        git_secret.read(folder, url=URL)


def test_nothing_is_shown(tmp_path: Path) -> None:
    """Whoever prints a login sees neither password nor key."""
    found = git_secret.read(mount(tmp_path / "git", {"password": "correct-horse"}), url=URL)
    assert found.password == "correct-horse"
    assert "correct-horse" not in repr(found)

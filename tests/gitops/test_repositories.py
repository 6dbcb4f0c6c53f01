"""Git repositories at a revision, fetched from disk, over TLS and through ssh."""

from __future__ import annotations

import secrets
from pathlib import Path

import git
import pytest

from gitops.errors import RenderError
from gitops.git.login import RepositoryCredential, credential_for
from gitops.git.repositories import OwnRepository, Repositories
from tests.gitops.git_servers import git_server
from tests.gitops.rendering import write
from tests.gitops.ssh_servers import ssh_server
from toolchain.controlplane import ControlPlane


@pytest.fixture
def upstream(tmp_path: Path) -> git.Repo:
    """A repository with a branch, a tag and two commits."""
    repository = git.Repo.init(tmp_path / "upstream", initial_branch="main")
    with repository.config_writer() as config:
        config.set_value("user", "name", "someone")
        config.set_value("user", "email", "someone@example.com")
        config.set_value("uploadpack", "allowAnySHA1InWant", "false")
    commit(repository, "first")
    repository.create_tag("v1")
    repository.create_head("release/1")
    commit(repository, "second")
    return repository


def commit(repository: git.Repo, text: str) -> str:
    """Commit a file with this text."""
    write(Path(repository.working_dir), {"deep/file": text})
    repository.index.add(["deep/file"])
    return repository.index.commit(text).hexsha


def others(tmp_path: Path, **settings: object) -> Repositories:
    """Repositories of a new pass; the cache stays."""
    return Repositories(
        tmp_path / "cache",
        OwnRepository(
            root=tmp_path / "own",
            urls=("https://example.com/own.git", ""),
            revisions=("main",),
        ),
        **settings,  # type: ignore[arg-type]  # each test gives what it is about
    )


def content(found: Repositories, upstream: git.Repo, revision: str) -> str:
    """The file at a revision."""
    tree = found.tree(f"file://{upstream.working_dir}", revision)
    return (tree / "deep/file").read_text()


def test_revisions(tmp_path: Path, upstream: git.Repo) -> None:
    """A branch, a tag, HEAD, a commit and the beginning of one are each that commit's files."""
    found, first = others(tmp_path), upstream.commit("v1").hexsha
    assert content(found, upstream, "main") == "second"
    assert content(found, upstream, "") == "second"
    assert content(found, upstream, "HEAD") == "second"
    assert content(found, upstream, "v1") == "first"
    assert content(found, upstream, "release/1") == "first"
    assert content(found, upstream, first) == "first"
    assert content(found, upstream, first[:8]) == "first"
    assert found.commit(f"file://{upstream.working_dir}", "v1") == first


@pytest.mark.parametrize(
    ("revision", "tag"),
    [
        ("1.*", "v1.10.0"),
        ("1.2.x", "1.2.3"),
        ("~1.2.0", "1.2.3"),
        ("^1.2", "v1.10.0"),
        (">=1.0.0 <1.10.0", "1.2.3"),
        (">=1.0.0, <1.3", "1.2.3"),
        ("*", "v2.0.0"),
        (">=3.0.0-0", "v3.0.0-rc.1"),
        ("1.2.0 - 1.4.0", "1.2.3"),
        ("0.1.* || 1.2.*", "1.2.3"),
        ("release/1.x", "branch"),
    ],
)
def test_ranges_of_versions(tmp_path: Path, upstream: git.Repo, revision: str, tag: str) -> None:
    """A range is the newest tag in it, by version and not by text; a pre-release is in none that
    does not name one, and a branch whose name is no range stays a branch."""
    for name in ("1.2.3", "v1.10.0", "v2.0.0", "v3.0.0-rc.1", "latest", "4x"):
        commit(upstream, name)
        upstream.create_tag(name)
    upstream.create_head("release/1.x", commit(upstream, "branch"))
    assert content(others(tmp_path), upstream, revision) == tag


def test_a_branch_moves_between_passes_alone(tmp_path: Path, upstream: git.Repo) -> None:
    """All Applications of one pass see one commit of a branch; the next pass sees a newer one."""
    found = others(tmp_path)
    assert content(found, upstream, "main") == "second"
    commit(upstream, "third")
    assert content(found, upstream, "main") == "second"
    assert content(others(tmp_path), upstream, "main") == "third"


def test_a_commit_that_is_there_needs_no_network(tmp_path: Path, upstream: git.Repo) -> None:
    """A commit in the cache is used though its repository is gone; a branch is an error then."""
    first = upstream.commit("v1").hexsha
    content(others(tmp_path), upstream, first)
    url = f"file://{upstream.working_dir}"
    Path(upstream.working_dir).rename(tmp_path / "gone")
    assert (others(tmp_path).tree(url, first) / "deep/file").read_text() == "first"
    with pytest.raises(RenderError, match=f"^repository {url}: cannot be read: .*; check the"):
        others(tmp_path).tree(url, "main")


def test_the_stacks_own_repository_is_the_checkout(tmp_path: Path) -> None:
    """However its address is written, at the stack's revision nothing is fetched."""
    found = others(tmp_path)
    for url in ("https://example.com/own.git", "https://EXAMPLE.com/own/"):
        for revision in ("", "HEAD", "main"):
            assert found.tree(url, revision) == tmp_path / "own"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("url", "revision", "said"),
    [
        ("", "main", "is no address of a Git repository"),
        ("-oProxyCommand=x", "main", "is no address of a Git repository"),
        ("ext::sh -c x", "main", "is no address of a Git repository"),
        ("{upstream}", "nope", "has no branch, tag or commit 'nope'"),
        ("{upstream}", "2.*", "has no branch, tag or commit '2.*', nor a tag in that range"),
        ("{upstream}", ">=1 --upload-pack=x", "nor a tag in that range"),
        ("{upstream}", "--upload-pack=x", "has no branch, tag or commit"),
        ("{upstream}", "a" * 40, "has no branch, tag or commit"),
        ("{upstream}", "abcdef1", "has no branch, tag or commit 'abcdef1'"),
    ],
)
def test_refused(tmp_path: Path, upstream: git.Repo, url: str, revision: str, said: str) -> None:
    """What is no address, or no revision of its repository, is an error with the remedy."""
    with pytest.raises(RenderError) as caught:
        others(tmp_path).tree(url.format(upstream=f"file://{upstream.working_dir}"), revision)
    assert said in str(caught.value)


@pytest.fixture
def certificate(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate of a server on the loopback interface, which Git trusts."""
    found = control_plane.kubeconfig.parent / "certificates" / "apiserver.crt"
    monkeypatch.setenv("GIT_SSL_CAINFO", str(found))
    return found


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    """A password made for the test, in the environment with a user name."""
    made = secrets.token_urlsafe(16)
    monkeypatch.setenv("TEST_USER", "someone")
    monkeypatch.setenv("TEST_PASSWORD", f"{made}\n")  # as a mounted file often ends
    return made


def logging_in(tmp_path: Path, url: str) -> Repositories:
    """Repositories with a login for the server of an address."""
    credential = RepositoryCredential(username_env="TEST_USER", password_env="TEST_PASSWORD")
    return others(tmp_path, credentials={url.rpartition("/someone/")[0]: credential})


def stored(tmp_path: Path) -> bytes:
    """All that is kept of repositories on disk."""
    return b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())


@pytest.mark.e2e
def test_https(
    tmp_path: Path,
    upstream: git.Repo,
    certificate: Path,
    password: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A branch, a tag and a commit come from a server that wants a password and has a certificate;
    the password is in no file, no error and no helper of the user's."""
    home = write(tmp_path / "home", {".gitconfig": "[credential]\nhelper = store\n"})
    monkeypatch.setenv("HOME", str(home))
    source, commit = Path(upstream.working_dir), upstream.commit("v1").hexsha
    with git_server(source, certificate=certificate, login=f"someone:{password}") as server:
        found = logging_in(tmp_path, server.url)
        for revision, wanted in (("main", "second"), ("v1", "first"), (commit, "first")):
            assert (found.tree(server.url, revision) / "deep/file").read_text() == wanted
        assert {login for _, login in server.asked} == {"", server.authorization}
        with pytest.raises(RenderError, match=r"could not read Username.*repositoryCredentials"):
            others(tmp_path).tree(server.url, "main")
        monkeypatch.setenv("TEST_PASSWORD", "wrong")
        with pytest.raises(RenderError, match=r"Authentication failed.*repositoryCredentials"):
            logging_in(tmp_path, server.url).tree(server.url, "main")
        monkeypatch.delenv("TEST_USER")
        with pytest.raises(RenderError, match="TEST_USER is not set; export"):
            logging_in(tmp_path, server.url).tree(server.url, "main")
        monkeypatch.delenv("GIT_SSL_CAINFO")
        with pytest.raises(RenderError, match=r"certificate.*GIT_SSL_CAINFO"):
            others(tmp_path).tree(server.url, "main")
    assert password.encode() not in stored(tmp_path)
    assert not (home / ".git-credentials").exists()


@pytest.mark.e2e
def test_a_password_goes_to_its_own_server_alone(
    tmp_path: Path, upstream: git.Repo, certificate: Path, password: str
) -> None:
    """A server that sends Git to another one does not send the password along."""
    source = Path(upstream.working_dir)
    with git_server(source, certificate=certificate) as other:
        elsewhere = other.url.partition("/someone/")[0]
        login = f"someone:{password}"
        with git_server(source, certificate=certificate, elsewhere=elsewhere) as server:
            found = logging_in(tmp_path, server.url).tree(server.url, "main")
        other.login = login
        with (
            git_server(source, certificate=certificate, elsewhere=elsewhere) as server,
            pytest.raises(RenderError, match="cannot be read") as refused,
        ):
            logging_in(tmp_path, server.url).tree(server.url, "main")
    assert (found / "deep/file").read_text() == "second"
    assert {given for _, given in other.asked} == {""}
    assert password not in str(refused.value)


def test_incomplete_credentials(tmp_path: Path) -> None:
    """Half a login is refused before anybody is asked."""
    half = RepositoryCredential(username_env="TEST_USER")
    found = others(tmp_path, credentials={"https://127.0.0.1:1": half})
    with pytest.raises(RenderError, match="its repositoryCredentials are incomplete"):
        found.tree("https://127.0.0.1:1/repo", "main")


def test_a_password_in_an_address(tmp_path: Path) -> None:
    """It is refused, and not repeated."""
    url = f"https://someone:{secrets.token_hex(8)}@example.com/repo"
    with pytest.raises(RenderError, match=r"^repository https://example\.com/repo: its") as caught:
        others(tmp_path).tree(url, "main")
    assert url.rpartition(":")[2].partition("@")[0] not in str(caught.value)


@pytest.mark.parametrize(
    ("prefix", "url"),
    [
        ("git@example.com:", "git@example.com:someone/repo"),
        ("git@example.com", "git@example.com:someone/repo"),
        ("ssh://git@example.com", "ssh://git@example.com/someone/repo"),
        ("ssh://git@example.com:2222", "ssh://git@example.com:2222/someone/repo"),
        ("https://example.com/some", ""),
        ("https://example.com/someone", "https://example.com/someone/repo"),
    ],
)
def test_whose_login_it_is(prefix: str, url: str) -> None:
    """A login is for what begins with its prefix and a part of the address that ends there; the
    longest prefix wins."""
    one, other = RepositoryCredential(secret="one"), RepositoryCredential(secret="other")
    found = credential_for(url or "https://example.com/someone", {prefix: one, "ssh://": other})
    assert found is (one if url else None)


def test_ssh(tmp_path: Path, upstream: git.Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch, a tag and a commit come over SSH with a key in a variable; it is in no file that
    stays, and no error repeats it. A server ssh does not know is not trusted."""
    source, commit = Path(upstream.working_dir), upstream.commit("v1").hexsha
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    with ssh_server(tmp_path / "ssh") as server:
        key, address = server.admit(), server.url(source)
        monkeypatch.setenv("TEST_KEY", key)
        monkeypatch.setenv("TEST_HOSTS", server.known_hosts)
        prefix = address.partition("/repository")[0].rpartition("/upstream")[0]
        credential = RepositoryCredential(ssh_key_env="TEST_KEY", known_hosts_env="TEST_HOSTS")
        found = others(tmp_path, credentials={prefix: credential})
        for revision, wanted in (("main", "second"), ("v1", "first"), (commit, "first")):
            assert (found.tree(address, revision) / "deep/file").read_text() == wanted
        secret = key.splitlines()[2]
        assert secret.encode() not in stored(tmp_path)
        unknown = RepositoryCredential(ssh_key_env="TEST_KEY")
        with pytest.raises(RenderError, match=r"Host key verification failed.*known_hosts"):
            others(tmp_path, credentials={prefix: unknown}).tree(address, "main")
        server.admit()
        with pytest.raises(RenderError, match=r"Permission denied.*repositoryCred") as refused:
            others(tmp_path, credentials={prefix: credential}).tree(address, "main")
    assert secret not in str(refused.value)

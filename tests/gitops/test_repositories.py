"""Git repositories at a revision: real repositories, fetched over file://."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import git
import pytest

from gitops.errors import RenderError
from gitops.repositories import OwnRepository, Repositories, RepositoryCredential
from tests.gitops.rendering import write


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
        ("{upstream}", "1.*", "version ranges are not looked for among tags"),
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


@contextmanager
def recording_server() -> Iterator[tuple[str, list[str]]]:
    """A server that has no repository and remembers how it was logged in to."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_https_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """User name and password come from the environment, and no error repeats them."""
    credential = RepositoryCredential(username_env="TEST_USER", password_env="TEST_PASSWORD")
    with recording_server() as (address, seen):
        found = others(tmp_path, credentials={address: credential})
        with pytest.raises(RenderError, match="TEST_USER and TEST_PASSWORD is not set"):
            found.tree(f"{address}/repo", "main")
        with pytest.raises(RenderError, match="its repositoryCredentials are incomplete"):
            half = RepositoryCredential(username_env="TEST_USER")
            others(tmp_path, credentials={address: half}).tree(f"{address}/repo", "main")
        assert seen == []
        monkeypatch.setenv("TEST_USER", "someone")
        monkeypatch.setenv("TEST_PASSWORD", "p4ssw0rd-of-a-test")
        with pytest.raises(RenderError) as caught:
            others(tmp_path, credentials={address: credential}).tree(f"{address}/repo", "main")
    wanted = base64.b64encode(b"someone:p4ssw0rd-of-a-test").decode()
    assert seen[0] == f"Basic {wanted}"
    assert "p4ssw0rd" not in str(caught.value)
    assert wanted not in str(caught.value)


def test_ssh_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is handed to ssh as a file only its owner reads, which is gone afterwards."""
    seen = tmp_path / "seen"
    script = tmp_path / "bin" / "ssh"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$@" > {seen}\nstat -c %a "$2" >> {seen}\ncat "$2" >> {seen}\nexit 1\n'
    )
    script.chmod(0o700)
    monkeypatch.setenv("PATH", str(script.parent), prepend=":")
    monkeypatch.setenv("TEST_KEY", "made-for-this-test")
    credential = RepositoryCredential(ssh_key_env="TEST_KEY")
    found = others(tmp_path, credentials={"git@example.com:": credential})
    with pytest.raises(RenderError, match="cannot be read"):
        found.tree("git@example.com:someone/repo", "main")
    command, mode, key = seen.read_text().splitlines()
    assert "-o IdentitiesOnly=yes" in command
    assert (mode, key) == ("600", "made-for-this-test")
    assert not Path(command.split()[1]).exists()

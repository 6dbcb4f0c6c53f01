"""Downloads: only what the release publishes the SHA-256 of, and no waiting for hosts."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.toolchain.releases import archive, release_at, serving, sha256
from tests.toolchain.tiny import tiny
from toolchain import store
from toolchain.acquire.release import CONNECT_TIMEOUT, ReleaseHosts, addresses, published_digest
from toolchain.install import install
from toolchain.pins import TOOLS
from toolchain.tools import Platform, Release, Tool, this_platform

pytestmark = pytest.mark.usefixtures("cache")

FILE = "tiny-1.4.2.tar.gz"


def checksums(content: bytes) -> bytes:
    return f"{'0' * 64}  other.tar.gz\n{sha256(content)}  {FILE}\n".encode()


def closed_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_release_with_the_published_digest_is_installed(cache: Path) -> None:
    """The program of a release whose SHA-256 is the published one runs from the links' folder, and
    nothing of the archive is written elsewhere."""
    content = archive()
    with serving({f"/{FILE}": content, "/checksums.txt": checksums(content)}) as (address, _):
        tool = tiny(None, release=release_at(address))
        assert install([tool], progress=None, checkout=None) == ()
    program = store.links_directory([tool]) / "tiny"
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    assert said == "tiny v1.4.2, as released\n"
    assert [path.name for path in store.content_directory(tool).iterdir()] == ["tiny"]
    assert list(cache.rglob("escaped")) == []


def test_release_with_other_bytes_is_refused(cache: Path) -> None:
    """A release that is not what its checksum says is named with both digests and leaves nothing
    behind."""
    published, served = archive(), archive(b"#!/bin/sh\necho something else\n")
    with serving({f"/{FILE}": served, "/checksums.txt": checksums(published)}) as (address, _):
        tool = tiny(None, release=release_at(address))
        (error,) = install([tool], progress=None, checkout=None)
    assert str(error) == (
        f"tiny 1.4.2: the release was refused ({FILE} has SHA-256 {sha256(served)}, published is "
        f"{sha256(published)}); put tiny on PATH"
    )
    assert list((cache / "tools").iterdir()) == []
    assert not store.links_directory([tool]).exists()


def test_refused_release_is_built_instead(module: Path) -> None:
    """A release with the wrong bytes does not stop a tool that can be built from pinned modules."""
    pages = {f"/{FILE}": archive(b"wrong"), "/checksums.txt": checksums(archive())}
    with serving(pages) as (address, _):
        tool = tiny(module, release=release_at(address))
        assert install([tool], progress=None, checkout=None) == ()
    program = store.links_directory([tool]) / "tiny"
    said = subprocess.run([program], capture_output=True, text=True, check=True).stderr
    assert said == "tiny v1.4.2\n"


@pytest.mark.parametrize("page", [b"", b"not a checksum\n", b'{"assets": [{"name": "x"}]}'])
def test_release_without_a_digest_is_not_downloaded(page: bytes) -> None:
    """Where no SHA-256 is published for the file, the file is not even asked for."""
    with serving({f"/{FILE}": archive(), "/checksums.txt": page}) as (address, asked):
        tool = tiny(None, release=release_at(address))
        (error,) = install([tool], progress=None, checkout=None)
    assert "publishes no SHA-256" in error.reason
    assert f"/{FILE}" not in asked


def test_silent_host_costs_seconds_once() -> None:
    """A host that takes connections and never answers is given up after the connect timeout, and
    later questions about it are answered at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tool = tiny(None, release=release_at(address))
        hosts = ReleaseHosts([tool], this_platform())
        started = time.monotonic()
        assert hosts.problem(f"{address}/any") != ""
        first = time.monotonic() - started
        assert hosts.problem(f"{address}/other") != ""
    assert first < CONNECT_TIMEOUT + 2
    assert time.monotonic() - started - first < 0.5


def test_host_that_lacks_one_file_still_counts_as_reachable() -> None:
    """A page that is not found says nothing about the other files of its host."""
    with serving({}) as (address, _):
        hosts = ReleaseHosts([tiny(None, release=release_at(address))], this_platform())
        assert hosts.problem(f"{address}/any") == ""


def test_nothing_to_be_had_is_named_with_the_remedy(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without release, Go and a package index each tool is named with reasons and remedy, an
    optional one fails nothing, and the tools that can be had are still got."""
    program = tmp_path / "there" / "present"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    unreachable = release_at(closed_address())
    missing = tiny(module, release=unreachable)
    optional = tiny(None, name="extra", release=unreachable, optional=True)
    content = archive()
    report = io.StringIO()
    with serving({f"/{FILE}": content, "/checksums.txt": checksums(content)}) as (address, _):
        present = tiny(None, release=release_at(address))
        failures = install([missing, optional, present], progress=report, checkout=None)
    (error,) = failures
    text = str(error)
    assert text.startswith("tiny 1.4.2: no release can be downloaded (127.0.0.1:")
    assert "Go is not to be had from PyPI" in text
    assert text.endswith("; install Go 1.26")
    assert "[2/3] extra 1.4.2: not to be had" in report.getvalue()
    assert "without it nothing greets anybody" in report.getvalue()
    assert (store.content_directory(present) / "tiny").is_file()


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (f"{'a' * 64}\n", "a" * 64),
        (f"{'A' * 64}  {FILE}\n", "a" * 64),
        (f"{'a' * 64} *./{FILE}\n", "a" * 64),
        (f"{'a' * 40}  {FILE}\n", None),
        (f"{'a' * 64}  not-{FILE}\n", None),
        (json.dumps({"assets": [{"name": FILE, "digest": f"sha256:{'b' * 64}"}]}), "b" * 64),
        (json.dumps({"assets": [{"name": FILE, "digest": None}]}), None),
        (json.dumps({"assets": [{"name": FILE, "digest": f"sha1:{'b' * 40}"}]}), None),
        ("{broken", None),
    ],
)
def test_published_digest(text: str, digest: str | None) -> None:
    """Each form in which a SHA-256 is published is read; anything else counts as none."""
    assert published_digest(text, FILE) == digest


def released(name: str) -> tuple[Tool, Release]:
    tool = next(tool for tool in TOOLS if tool.name == name)
    assert tool.release is not None
    return tool, tool.release


@pytest.mark.parametrize(
    ("name", "os", "arch", "ending"),
    [
        ("pulumi", "linux", "amd64", "/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz"),
        ("pulumi-language-python", "linux", "arm64", "/pulumi-v3.259.0-linux-arm64.tar.gz"),
        ("etcd", "darwin", "arm64", "-darwin-arm64.zip"),
        ("kubectl", "darwin", "arm64", "/bin/darwin/arm64/kubectl"),
        ("helm", "linux", "amd64", "-linux-amd64.tar.gz"),
        ("pulumi-resource-kubernetes", "linux", "amd64", "-v4.25.0-linux-amd64.tar.gz"),
    ],
)
def test_address_of_a_release(name: str, os: str, arch: str, ending: str) -> None:
    """Version, system and processor are put into an address in the words of that project."""
    tool, release = released(name)
    url, page = addresses(release, tool.version, Platform(os=os, arch=arch))
    assert url.endswith(ending)
    assert "{" not in url + page

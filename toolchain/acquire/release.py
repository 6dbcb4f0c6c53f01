"""How is an official release downloaded so that nothing else can come in its place?

The published SHA-256 is fetched first and every byte is held against it. Whether a release host
answers at all is found out once in a run, for all hosts at the same time, in seconds. Called by
``obtain`` for every tool that has a release.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path

from toolchain.errors import NotAvailableError
from toolchain.progress import Step
from toolchain.tools import Platform, Release, Tool

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 30.0
_BLOCK = 1 << 20


class ReleaseHosts:
    """Which release hosts answer; asked when the first release is wanted, then remembered."""

    def __init__(self, tools: Iterable[Tool], platform: Platform) -> None:
        pages = [
            addresses(tool.release, tool.version, platform)[1] for tool in tools if tool.release
        ]
        self._urls = {_host(url): url for url in pages}
        self._problems: dict[str, str] | None = None

    def problem(self, url: str) -> str:
        """Why nothing can be fetched from the host of an address; empty when it answers."""
        if self._problems is None:
            self._problems = self._probe()
        return self._problems.get(_host(url), "")

    def failed(self, url: str, reason: str) -> None:
        """Remember that a host that answered at first does not any more."""
        self._problems = {**(self._problems or {}), _host(url): reason}

    def _probe(self) -> dict[str, str]:
        answers: dict[str, str] = {}

        def ask(host: str, url: str) -> None:
            try:
                with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT) as response:
                    response.read(1)
                answers[host] = ""
            except urllib.error.HTTPError as error:
                # not found is an answer about one file; a refusal is about the host
                answers[host] = "" if error.code == 404 else f"HTTP {error.code}"
            except (OSError, HTTPException) as error:
                answers[host] = _reason(error)

        threads = [
            threading.Thread(target=ask, args=item, daemon=True) for item in self._urls.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            # resolving a name has no timeout of its own
            thread.join(CONNECT_TIMEOUT + 1)
        silent = f"no answer within {CONNECT_TIMEOUT:g} s"
        return {host: answers.get(host, silent) for host in self._urls}


def addresses(release: Release, version: str, platform: Platform) -> tuple[str, str]:
    """The addresses of a release's download and of its published SHA-256, for a platform."""
    values = {
        "version": version,
        "os": platform.os,
        "arch": release.architectures.get(platform.arch, platform.arch),
        "suffix": release.suffixes.get(platform.os, ""),
    }
    return release.url.format_map(values), release.checksums.format_map(values)


def download(
    tool: Tool, folder: Path, platform: Platform, *, hosts: ReleaseHosts, step: Step
) -> None:
    """Download a tool's release into an empty folder.

    Raises:
        NotAvailableError: there is no release for this platform, it cannot be fetched, no SHA-256
            is published for it, or the bytes are not the published ones.
    """
    release = tool.release
    if release is None or platform.os not in release.systems:
        raise NotAvailableError(f"there is no release for {platform.os}")
    url, checksums = addresses(release, tool.version, platform)
    for address in (checksums, url):
        if problem := hosts.problem(address):
            reason = f"no release can be downloaded ({_host(address)}: {problem})"
            raise NotAvailableError(reason)
    step.doing("downloading the release")
    archive = folder / ".download"
    file = urllib.parse.unquote(url).rpartition("/")[2]
    current = checksums
    try:
        with urllib.request.urlopen(checksums, timeout=READ_TIMEOUT) as response:
            published = published_digest(response.read(1 << 22).decode("utf-8", "replace"), file)
        current = url
        if published is None:
            raise NotAvailableError(f"the release publishes no SHA-256 for {file}")
        digest = _fetch(url, archive)
    except (OSError, HTTPException) as error:
        if not isinstance(error, urllib.error.HTTPError):
            hosts.failed(current, _reason(error))
        reason = f"the release cannot be downloaded ({current}: {_reason(error)})"
        raise NotAvailableError(reason) from error
    if digest != published:
        reason = f"the release was refused ({file} has SHA-256 {digest}, published is {published})"
        raise NotAvailableError(reason)
    _unpack(archive, file, release.programs, folder)
    archive.unlink(missing_ok=True)


def published_digest(text: str, file: str) -> str | None:
    """The SHA-256 a page of checksums gives for a file; None when it gives none.

    Understands lines of digest and name, a digest alone, and GitHub's description of a release.
    """
    if text.lstrip().startswith("{"):
        return _digest_of_asset(text, file)
    for line in text.splitlines():
        digest, _, name = line.strip().partition(" ")
        named = name.strip().lstrip("*").rpartition("/")[2]
        if re.fullmatch(r"[0-9a-fA-F]{64}", digest) and named in {"", file}:
            return digest.lower()
    return None


def _digest_of_asset(text: str, file: str) -> str | None:
    try:
        assets = json.loads(text).get("assets", [])
    except ValueError:
        return None
    for asset in assets:
        kind, _, digest = str(asset.get("digest")).partition(":")
        if asset.get("name") == file and kind == "sha256":
            return digest.lower()
    return None


def _fetch(url: str, target: Path) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=READ_TIMEOUT) as response, target.open("wb") as file:
        while block := response.read(_BLOCK):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _unpack(archive: Path, file: str, programs: tuple[str, ...], folder: Path) -> None:
    """Take the named programs out of an archive, by name only: no path in it is followed."""
    if file.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if (program := name.rpartition("/")[2]) in programs:
                    with opened.open(name) as source, (folder / program).open("wb") as target:
                        shutil.copyfileobj(source, target)
    elif file.endswith(".tar.gz"):
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                program = member.name.rpartition("/")[2]
                content = tar.extractfile(member) if member.isfile() else None
                if program in programs and content is not None:
                    with content, (folder / program).open("wb") as target:
                        shutil.copyfileobj(content, target)
    else:
        archive.rename(folder / programs[0])
    for program in programs:
        path = folder / program
        if not path.is_file():
            raise NotAvailableError(f"the release {file} holds no {program}")
        path.chmod(0o755)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    reason = getattr(error, "reason", None)
    return str(reason or error) or type(error).__name__

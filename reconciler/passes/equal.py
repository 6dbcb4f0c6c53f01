"""Which Applications have been compared before, with nothing about them different now?

Asked before an Application is compared, told when it is what Git says. A pass is a process of its
own as a rule, so this is in a file of the cache folder: one hash for each Application, of all that
its comparison depends on. A file that is lost, or of another program, only means to compare again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.comparison import version_of
from gitops.deployment import handover
from gitops.objects.manifest import ResourceKey
from gitops.stores import cache_root

FORMAT = 1
"""Raised when the reconciler itself asks or judges differently; all else is in the program's
digest."""


@dataclass(slots=True, kw_only=True)
class FoundEqual:
    """The Applications of one stack that were found to be what Git says.

    Args:
        file: where that is remembered.
        program: the program that compares.
    """

    file: Path
    program: str
    _before: Mapping[str, str] = field(init=False)
    _now: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = _read(self.file)

    def token(
        self,
        application: ApplicationTarget,
        rules: str,
        live: Mapping[ResourceKey, Mapping[str, Any]],
    ) -> str:
        """What a comparison is about: these objects of Git, under these rules, and this version of
        each live one; empty where one is missing.

        Args:
            application: what Git says.
            rules: names those for its objects.
            live: what was listed.
        """
        total = hashlib.sha256(f"{self.program}\n{application.digest}\n{rules}\n".encode())
        for manifest in application.manifests:
            found = live.get(manifest.key)
            if found is None:
                return ""
            version = f"{manifest.key} {found['apiVersion']} {version_of(found)}\n"
            total.update(version.encode())
        return total.hexdigest()

    def knows(self, name: str, token: str) -> bool:
        """Whether just this was found to be equal."""
        known = bool(token) and token in (self._before.get(name), self._now.get(name))
        if known:
            self._now[name] = token
        return known

    def remember(self, name: str, token: str) -> None:
        """An Application is what Git says."""
        if token:
            self._now[name] = token

    def save(self, names: Iterable[str]) -> None:
        """Write it for the next pass; a full or read-only disk only means to compare again.

        Args:
            names: the Applications there are; what is known of others is forgotten.
        """
        kept = {**self._before, **self._now}
        found = {name: kept[name] for name in names if name in kept}
        if found != self._before:
            _write(self.file, found)
            self._before = found


def found_equal(stack: str, server: str) -> FoundEqual:
    """What was found for a stack on a cluster.

    Args:
        stack: the stack's name.
        server: the API server's address.
    """
    name = hashlib.sha256(f"{stack}\0{server}".encode()).hexdigest()[:16]
    return FoundEqual(
        file=cache_root() / "compared" / f"{name}.json",
        program=_program(),
    )


@functools.cache
def _program() -> str:
    """The program as it was when it began to compare; what is on the disk by now does not run."""
    return f"{FORMAT} {handover.program_digest()}"


def _read(file: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(file.read_bytes())
        if isinstance(found, dict):
            return {str(name): str(token) for name, token in found.items()}
    return {}


def _write(file: Path, found: Mapping[str, str]) -> None:
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                json.dump(found, new)
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

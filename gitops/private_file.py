"""How is a document with what nobody else may read put into a file, and read back?

Called for the backups of an adoption and of a stack's states.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops.errors import ConfigError


def write_document(
    path: Path, document: Mapping[str, Any], *, remedy: str, indent: int | None = None
) -> None:
    """Write a new file only its owner can read; it is on the disk when this returns.

    Args:
        path: the file; one that exists is refused.
        document: what is written, as JSON.
        remedy: what helps where it cannot be written.
        indent: how far lines are indented; all is one line without.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=indent)
            file.flush()
            os.fsync(file.fileno())  # it must outlive whatever happens to what is written next
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be written ({error.strerror})", remedy=remedy
        ) from error


def read_document(path: Path, *, expected: str | int, what: str, remedy: str) -> dict[str, Any]:
    """Read such a file.

    Args:
        path: the file.
        expected: its ``format``.
        what: what it should be, for the error.
        remedy: what helps where it is not.

    Raises:
        ConfigError: the file is missing, or is something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"cannot be read ({error})", remedy=remedy) from error
    if not isinstance(document, dict) or document.get("format") != expected:
        raise ConfigError(str(path), f"is no {what}", remedy=remedy)
    return document

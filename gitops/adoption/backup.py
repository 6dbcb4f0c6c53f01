"""What does it take to give an object back to its former managers?

Written before anything is adopted, read by ``gitops adopt --undo``. It holds metadata alone; that
may repeat the object where ``kubectl apply`` noted it, Secrets too, so only its owner can read it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops.adoption.fields import present
from gitops.adoption.tracking import TEMPORARY
from gitops.errors import ConfigError
from gitops.ignoring.partial import FIELD_MANAGER, STEERING
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import live_key
from gitops.private_file import read_document, write_document

_FORMAT = 1
_MAKE_ROOM = "make room for it"
_KEPT = ("labels", "annotations", "managedFields")
_OURS = ("home-ops/", STEERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The metadata of one object before it was adopted."""

    key: ResourceKey
    api_version: str
    uid: str
    metadata: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """All objects one adoption was about, and the stack that adopted them."""

    stack: str
    objects: tuple[Saved, ...]


def write(path: Path, stack: str, lives: Iterable[Mapping[str, Any]]) -> None:
    """Write down the metadata of live objects.

    Raises:
        ConfigError: the file cannot be written.
    """
    content = {
        "format": _FORMAT,
        "stack": stack,
        "objects": [
            {
                "apiVersion": live["apiVersion"],
                "kind": live["kind"],
                "metadata": {
                    name: value
                    for name, value in live["metadata"].items()
                    if name in ("name", "namespace", "uid", *_KEPT)
                },
            }
            for live in lives
        ],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be written ({error.strerror})", remedy=_MAKE_ROOM
        ) from error
    write_document(path, content, remedy=_MAKE_ROOM, indent=1)


def read(path: Path) -> Backup:
    """Read a backup.

    Raises:
        ConfigError: the file is missing, or is none that adoption wrote.
    """
    remedy = "name the file that `gitops adopt --yes` printed"
    content = read_document(path, expected=_FORMAT, what="backup of an adoption", remedy=remedy)
    return Backup(
        stack=content["stack"],
        objects=tuple(
            Saved(
                key=live_key(each),
                api_version=each["apiVersion"],
                uid=each["metadata"]["uid"],
                metadata={name: each["metadata"].get(name) for name in _KEPT},
            )
            for each in content["objects"]
        ),
    )


def restored(saved: Saved, live: Mapping[str, Any]) -> dict[str, Any]:
    """The live object with its former labels and annotations; what others have set since stays."""
    result = copy.deepcopy(dict(live))
    metadata = result["metadata"]
    for name in ("labels", "annotations"):
        former = saved.metadata.get(name) or {}
        now = metadata.get(name) or {}
        kept = {n: v for n, v in now.items() if not n.startswith(_OURS)}
        metadata[name] = {**former, **kept}
    return result


def former_managed_fields(saved: Saved, live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who owns what again: as it was, but for what others have written since.

    Args:
        saved: the object before it was adopted.
        live: the object as it is now, with its former labels and annotations.
    """

    def identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            entry.get(name, "") for name in ("manager", "operation", "apiVersion", "subresource")
        )

    now = [
        entry
        for entry in (live["metadata"].get("managedFields") or ())
        if entry.get("manager") not in (FIELD_MANAGER, TEMPORARY) or entry.get("subresource")
    ]
    known = {identity(entry) for entry in now}
    back = [
        {**entry, "fieldsV1": present(entry["fieldsV1"], live)}
        if entry.get("apiVersion") == live["apiVersion"]
        else dict(entry)
        for entry in saved.metadata.get("managedFields") or ()
        if identity(entry) not in known
    ]
    return [*now, *back]

"""What does a YAML or JSON text say to the Kubernetes API server?

Called by ``manifest.load_yaml`` and by the readers of our own files. PyYAML only splits the text
into events; what a scalar, key, merge or alias means follows sigs.k8s.io/yaml over goyaml.v2, which
the API server, kubectl and ArgoCD share: ``yes`` is a boolean, ``0400`` is 256, a date is a string.
Where those keep one of two duplicate keys, or drop a tag they do not know, this reader refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gitops.errors import ManifestError
from gitops.yaml_scalar import TAG_PREFIX, key_text, plain_value, tagged_value

MAX_CHARACTERS = 64 * 1024 * 1024
MAX_DEPTH = 200
MAX_ALIASED_NODES = 400_000

_LOADER: Callable[[str], Any] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_ABSENT = object()
_MERGE = object()
_COLLECTION_TAGS = frozenset({None, "!", f"{TAG_PREFIX}map", f"{TAG_PREFIX}seq"})


def load(text: str | bytes, *, source: str = "") -> list[Any]:
    """Read every document of a YAML or JSON text as the API server would.

    Args:
        text: the text, or the bytes of a file.
        source: the file's name; errors start with it.

    Returns:
        One JSON-like value per document; an empty document is ``None``.

    Raises:
        ManifestError: with file and line: no UTF-8, broken syntax, a duplicate key, a key or value
            JSON cannot hold, an unknown tag, or a text that is too large, deep or aliased.
    """
    name = source or "YAML"
    if isinstance(text, bytes):
        text = _decoded(text, name)
    if len(text) > MAX_CHARACTERS:
        raise ManifestError(
            name,
            f"{len(text)} characters are more than the {MAX_CHARACTERS} that are read",
            remedy="split it",
        )
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [_json(text)]
        except (ValueError, RecursionError):
            pass  # flow-style YAML begins the same way, and the YAML parser knows lines
    return list(_documents(text, name))


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"{name}:{line}", "the file is not UTF-8 text", remedy="save it as UTF-8"
        ) from error


def _json(text: str) -> Any:
    """Read one JSON text; ValueError when it is none, or when YAML's rules must judge it."""
    value = json.loads(
        text, object_pairs_hook=_unique, parse_float=_number, parse_int=_number, parse_constant=int
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    return value


def _number(text: str) -> Any:
    value = plain_value(text)
    if isinstance(value, str):  # 1e400: YAML reads text where JSON has an error
        raise ValueError(text)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate key")
    return found


def _documents(text: str, name: str) -> Iterator[Any]:
    try:
        loader = _LOADER(text)
        try:
            next_event = loader.get_event
            while type(event := next_event()) is not StreamEndEvent:
                if type(event) is DocumentStartEvent:
                    yield _document(next_event, name)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ManifestError(
            where, f"broken YAML: {error.problem}", remedy="correct the syntax there"
        ) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise ManifestError(
            name, f"broken YAML: {_first_line(error)}", remedy="remove what YAML cannot hold"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


@dataclass(slots=True)
class _Open:
    """A collection whose end is still to come; ``lines`` (of its own keys) is None in a list."""

    value: Any
    lines: dict[str, int] | None
    anchor: str | None = None
    key: Any = _ABSENT


def _document(next_event: Callable[[], Any], name: str) -> Any:
    """Compose one document from its events, without recursion and aliases expanded to copies."""
    opened = _Open([], None)
    outer: list[_Open] = []
    anchors: dict[str | None, Any] = {}
    copies = _Copies(name)
    while True:
        event = next_event()
        kind = type(event)
        if kind is ScalarEvent:
            node = event.value
            if event.tag is not None or event.implicit[0]:
                node = _scalar(event, name)
            if event.anchor:
                anchors[event.anchor] = node
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            _check_start(event, opened, len(outer), name)
            outer.append(opened)
            opened = _Open(*(([], None) if kind is SequenceStartEvent else ({}, {})), event.anchor)
            anchors[event.anchor] = opened  # open yet: an alias to it would contain itself
            continue
        elif kind is AliasEvent:
            node = copies.of(event, anchors)
        elif kind is DocumentEndEvent:
            return opened.value[0]
        else:
            node = opened.value
            anchors[opened.anchor] = node
            opened = outer.pop()
        if opened.lines is None:
            opened.value.append(node)
        elif opened.key is _ABSENT:
            opened.key = _key(node, event, opened.lines, name)
        else:
            _store(opened, node, event, name)


def _store(opened: _Open, node: Any, event: Any, name: str) -> None:
    key, opened.key = opened.key, _ABSENT
    if key is not _MERGE:
        opened.value[key] = node
        return
    merged = node if isinstance(node, list) else [node]
    if not all(isinstance(part, dict) for part in merged):
        raise _refusal(event, name, "`<<` merges something that is no mapping", "correct it")
    for part in reversed(merged):
        if twice := opened.lines.keys() & part.keys() if opened.lines else None:
            # goyaml.v2 takes the merged value here, kustomize's goyaml.v3 the mapping's own
            reason = f"`<<` gives key {min(twice)!r} again"
            raise _refusal(event, name, reason, "put `<<` before the keys that replace its own")
        opened.value.update(part)


def _check_start(event: Any, opened: _Open, depth: int, name: str) -> None:
    if opened.lines is not None and opened.key is _ABSENT:
        raise _refusal(event, name, "a key is a list or a mapping", "use text as the key")
    if event.tag not in _COLLECTION_TAGS:
        raise _refusal(event, name, f"tag {event.tag} is not known", "remove the tag")
    if depth >= MAX_DEPTH:
        raise _refusal(event, name, f"more than {MAX_DEPTH} levels", "nest less deeply")


def _scalar(event: Any, name: str) -> Any:
    try:
        if event.tag is None:  # `! "1"` counts as plain, though quoted
            return event.value if event.style else plain_value(event.value)
        return tagged_value(event.tag, event.value)
    except ValueError as error:
        raise _refusal(event, name, str(error), "quote it, or correct it") from error


def _key(node: Any, event: Any, lines: dict[str, int], name: str) -> Any:
    if node == "<<" and type(event) is ScalarEvent and _is_merge(event):
        return _MERGE
    try:
        key = node if type(node) is str else key_text(getattr(event, "value", str(node)))
    except ValueError as error:
        raise _refusal(event, name, str(error), "use text as the key") from error
    if key in lines:
        reason = f"key {key!r} is given twice, first in line {lines[key]}"
        raise _refusal(event, name, reason, "remove one of the two")
    lines[key] = event.start_mark.line + 1
    return key


def _is_merge(event: Any) -> bool:
    return event.tag == f"{TAG_PREFIX}merge" or (event.tag is None and not event.style)


class _Copies:
    """Expands the aliases of one document, each to a copy of its own, up to a limit.

    A few lines of nested aliases can stand for billions of values ("billion laughs").
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MAX_ALIASED_NODES

    def of(self, event: Any, anchors: Mapping[str | None, Any]) -> Any:
        """The value an alias stands for."""
        found = anchors.get(event.anchor, _ABSENT)
        if found is _ABSENT:
            raise self._refusal(event, "is not defined before it", "define it, or correct the name")
        if isinstance(found, _Open):
            raise self._refusal(event, "contains itself", "write the value out")
        return self._copy(found, event)

    def _copy(self, value: Any, event: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._refusal(event, "makes the document too large", "write the values out")
        if isinstance(value, dict):
            return {key: self._copy(part, event) for key, part in value.items()}
        if isinstance(value, list):
            return [self._copy(part, event) for part in value]
        return value

    def _refusal(self, event: Any, reason: str, remedy: str) -> ManifestError:
        return _refusal(event, self._name, f"alias *{event.anchor} {reason}", remedy)


def _refusal(event: Any, name: str, reason: str, remedy: str) -> ManifestError:
    return ManifestError(f"{name}:{event.start_mark.line + 1}", reason, remedy=remedy)

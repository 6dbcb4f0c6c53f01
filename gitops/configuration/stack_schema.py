"""Which keys, types and values may the stack's config have, and a directory's own settings?

Reads ``stack_schema.json`` and ``directory_schema.json`` beside it. Called by config for the whole,
and by discovery for the template of an ApplicationSet that did not come from config and for
``.home-ops.yaml``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops.configuration.schema import Problem, problems


@functools.cache
def load() -> Mapping[str, Any]:
    """The schema, read once."""
    text = Path(__file__).with_name("stack_schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def config_problems(values: Mapping[str, Any], *, path: str) -> list[Problem]:
    """Everything about the config that does not fit."""
    return problems(values, load(), path=path)


def template_problems(template: Mapping[str, Any], *, path: str) -> list[Problem]:
    """Everything about an ApplicationSet's template that does not fit."""
    return problems(template, {"$ref": "#/$defs/template", "$defs": load()["$defs"]}, path=path)


@functools.cache
def _directory() -> Mapping[str, Any]:
    """The schema of a directory's settings, with the definitions it shares with the config."""
    text = Path(__file__).with_name("directory_schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return {**loaded, "$defs": {**load()["$defs"], **loaded["$defs"]}}


def directory_problems(settings: Any) -> list[Problem]:
    """Everything about a directory's own settings that does not fit; null takes a field away."""
    return problems(settings, _directory(), patch=True)


def top_level_type(key: str) -> str | None:
    """The JSON type a top-level key must have; None for a key there is not."""
    found = load()["properties"].get(key)
    if found is None:
        return None
    if "$ref" in found:
        found = load()["$defs"][found["$ref"].rpartition("/")[2]]
    return str(found["type"])

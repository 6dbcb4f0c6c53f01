"""Which keys, types and values may the stack's config have?

Reads ``stack_schema.json`` beside it. Called by config for the whole and by discovery for the
template of an ApplicationSet that did not come from config.
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


def top_level_type(key: str) -> str | None:
    """The JSON type a top-level key must have; None for a key there is not."""
    found = load()["properties"].get(key)
    if found is None:
        return None
    if "$ref" in found:
        found = load()["$defs"][found["$ref"].rpartition("/")[2]]
    return str(found["type"])

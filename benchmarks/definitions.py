"""What does a large CustomResourceDefinition look like? Called by ``scenarios``."""

from __future__ import annotations

from typing import Any

GROUPS = 25
KILOBYTES = 300
FIELDS = 85
_DESCRIPTION = (
    "How the controller treats this part of a widget. It may be left out; the default then holds, "
    "and a change takes effect"
)


def sized_definition(number: int, *, kilobytes: int) -> dict[str, Any]:
    """A definition of about so many kilobytes."""
    return definition(number, groups=max(1, round(kilobytes * GROUPS / KILOBYTES)))


def definition(number: int, *, revision: str = "", groups: int = GROUPS) -> dict[str, Any]:
    """A definition of about 300 kB: 25 groups of 85 fields, nearly all of the bytes descriptions,
    as in the definitions of real operators.

    Args:
        number: which one; no two share a kind.
        revision: a text that is in it once.
        groups: how many groups it has, of 12 kB each.
    """
    kind = f"Widget{number:02}"
    parts = {f"group{each:02}": _group(each) for each in range(groups)}
    schema = {
        "type": "object",
        "description": f"A widget. {revision}".rstrip(),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {"type": "object", "properties": parts},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.bench.example.org"},
        "spec": {
            "group": "bench.example.org",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }


def _group(number: int) -> dict[str, Any]:
    fields = {
        f"field{each:02}": {
            "type": ("string", "integer", "boolean")[each % 3],
            "description": f"{_DESCRIPTION} in period {number * FIELDS + each}.",
        }
        for each in range(FIELDS)
    }
    return {"type": "object", "description": "Settings that belong together.", "properties": fields}

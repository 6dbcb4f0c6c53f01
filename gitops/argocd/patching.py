"""How do the templates of a generator, of a set and of a patch become one?

Called by the reader of ApplicationSets. Sources: ArgoCD, "Generators: Template" (a generator's
template fills in what the set's leaves out, and wins) and "Template Patch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHOLE = frozenset({"valuesObject"})
_JOINED = frozenset({"finalizers"})
"""Lists that a strategic merge patch adds to: of an Application's, only those of its metadata."""


def over(template: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """A generator's template, with everything it leaves empty from the set's."""
    found = dict(template)
    for key, value in base.items():
        own = found.get(key)
        if isinstance(own, Mapping) and isinstance(value, Mapping) and not (own and key in _WHOLE):
            found[key] = over(own, value)
        elif own in (None, "", 0, False, [], {}):
            found[key] = value
    return found


def patched(body: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with a strategic merge patch: null removes, mappings merge, lists are replaced.

    Raises:
        ValueError: the patch has a directive such as ``$patch``.
    """
    found = dict(body)
    for key, value in patch.items():
        if key.startswith("$"):
            raise ValueError(f"it has the directive {key}; write what is to be there, or null")
        before = found.get(key)
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            found[key] = patched(before if isinstance(before, Mapping) else {}, value)
        elif key in _JOINED and isinstance(value, list) and isinstance(before, list):
            found[key] = [*before, *(each for each in value if each not in before)]
        else:
            found[key] = value
    return found


def merge_patched(body: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with a JSON merge patch (RFC 7396)."""
    found = dict(body)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            before = found.get(key)
            found[key] = merge_patched(before if isinstance(before, Mapping) else {}, value)
        else:
            found[key] = value
    return found

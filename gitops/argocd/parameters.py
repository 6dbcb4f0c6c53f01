"""How are the parameters of generators made, combined and selected?

Plain functions on mappings, as ArgoCD's generators combine them. Called by the generators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gitops.argocd.templating import TextMap

Parameters = dict[str, Any]

_FORBIDDEN = re.compile(r"[^-a-z0-9.]")


def normalized(name: str) -> str:
    """A name as ArgoCD's ``SanitizeName`` writes it."""
    return _FORBIDDEN.sub("-", name.lower())[:253].strip("-.")


def of_path(path: str, *, file: str = "", prefix: str, go: bool) -> Parameters:
    """The parameters of a directory, or of the file in it (ArgoCD, "Git Generator").

    Args:
        path: the directory.
        file: the file's name, for the files generator.
        prefix: ``pathParamPrefix``.
        go: whether Go templates read them: then they are nested.
    """
    basename = path.rpartition("/")[2]
    names = {"basename": basename, "basenameNormalized": normalized(basename)}
    if file:
        names |= {"filename": file, "filenameNormalized": normalized(file)}
    segments = path.split("/")
    if go:
        nested = {"path": {"path": path, "segments": segments, **names}}
        return {prefix: nested} if prefix else dict(nested)
    name = f"{prefix}.path" if prefix else "path"
    found: Parameters = {name: path} | {f"{name}.{key}": value for key, value in names.items()}
    return found | {f"{name}[{index}]": part for index, part in enumerate(segments) if part}


def flattened(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Nested parameters with dots between the keys, as selectors and the older form see them."""
    return {key: shown(value) for key, value in _flat(parameters, "")}


def shown(value: Any) -> str:
    """A scalar as Go prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(float(value))
    if isinstance(value, Mapping):
        return "map[]"
    return "[]" if isinstance(value, list) else str(value)


def _number(value: float) -> str:
    """Go's ``%v`` of a float64, which all numbers of JSON are: 1000000 becomes 1e+06."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        return str(value)
    magnitude = len(digits) + exponent - 1
    if value == 0 or -4 <= magnitude < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    first, rest = digits[0], "".join(map(str, digits[1:]))
    mantissa = f"{first}.{rest}" if rest else str(first)
    return f"{'-' if sign else ''}{mantissa}e{magnitude:+03d}"


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or not path):
        for key, part in value.items():
            yield from _flat(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _flat(part, f"{path}.{index}" if path else str(index))
    else:
        yield path, value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Parameters:
    """Both, nested mappings too; what the second says wins unless it is empty (mergo)."""
    found = dict(base)
    for key, value in over.items():
        before = found.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            both = merged(before, value)
            texts = isinstance(before, TextMap) and isinstance(value, TextMap)
            found[key] = TextMap(both) if texts else both
        elif key not in found or value not in (None, "", 0, False, [], {}):
            found[key] = value
    return found


def combined(first: Mapping[str, Any], second: Mapping[str, Any]) -> Parameters:
    """Both as text, for the older form of templates.

    Raises:
        ValueError: they say different things under one key.
    """
    found: Parameters = {key: shown(value) for key, value in first.items()}
    for key, value in second.items():
        text = shown(value)
        if found.setdefault(key, text) != text:
            raise ValueError(f"both generators have {key}: {found[key]!r} and {text!r}")
    return found


def by_keys(keys: Sequence[str], sets: Sequence[Parameters]) -> dict[str, Parameters]:
    """Parameters by what stands under the keys they are to be merged by.

    Raises:
        ValueError: two are the same in those keys.
    """
    found: dict[str, Parameters] = {}
    for one in sets:
        name = ", ".join(f"{key}={one.get(key)!r}" for key in sorted(set(keys)))
        if name in found:
            raise ValueError(f"two sets of parameters have the same mergeKeys: {name}")
        found[name] = one
    return found


def selected(labels: Mapping[str, str], selector: Mapping[str, Any]) -> bool:
    """Whether a label selector matches (Kubernetes, "Labels and Selectors")."""
    wanted = selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(labels, each) for each in selector.get("matchExpressions", ()))


def _meets(labels: Mapping[str, str], requirement: Mapping[str, Any]) -> bool:
    key, values = requirement["key"], requirement.get("values", ())
    match requirement["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels

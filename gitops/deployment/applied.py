"""Does a field in the state still say what the rendered object says?

Called by the check of immutable fields. The provider stores what it made of an object: quantities
in canonical form (``1024Mi`` becomes ``1Gi``), and nothing where Go's types leave a zero value out
(``hostNetwork: false``, ``env: []``). Read literally, the same object would differ from itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?")
_SUFFIXES = {
    **{suffix: Fraction(10) ** power for suffix, power in zip("num", (-9, -6, -3), strict=True)},
    **{suffix: Fraction(10) ** (3 * n) for n, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(2) ** (10 * n) for n, suffix in enumerate("KMGTPE", start=1)},
}
_OF_QUANTITIES = frozenset({"requests", "limits", "capacity", "hard", "overhead", "podFixed"})
_QUANTITIES = frozenset({"sizeLimit", "divisor"})

# Maps of text to text, in which an empty text is a value like any other.
OF_TEXTS = frozenset(
    {
        "annotations",
        "binaryData",
        "data",
        "labels",
        "matchLabels",
        "nodeSelector",
        "parameters",
        "volumeAttributes",
    }
)
_POINTERS = """
activeDeadlineSeconds adminAccess allowPrivilegeEscalation attachRequired
automountServiceAccountToken backoffLimitPerIndex completions defaultMode enableServiceLinks fsGroup
hostProcess hostUsers immutable lun maxFailedIndexes minDomains mode optional parallelism priority
privileged readOnlyRootFilesystem revisionHistoryLimit runAsGroup runAsNonRoot runAsUser
setHostnameAsFQDN shareProcessNamespace storageClassName succeededCount
terminationGracePeriodSeconds tolerationSeconds
"""
# Fields that are pointers in Go (Kubernetes API, core, apps, batch, resource and storage groups):
# 0, false and empty text are kept, and mean something else than no value.
KEPT_ZEROS = frozenset(_POINTERS.split())


def says_the_same(target: Any, applied: Any, *, field: str = "", within: str = "") -> bool:
    """Whether the provider would make the applied value of the target's.

    Args:
        target: the value in the rendered object, None when it has none.
        applied: the value in the state, None when it has none.
        field: the name of the field, which decides whether a zero is kept.
        within: the name of the field it is in, which decides what it holds.
    """
    if isinstance(target, Mapping) and isinstance(applied, Mapping | None):
        return _same_mapping(target, applied, field)
    if isinstance(target, list) and isinstance(applied, list | None):
        return _same_list(target, applied or [], field)
    if applied is None:
        return target is None or _is_left_out(target, field, within)
    if isinstance(target, bool) or isinstance(applied, bool):
        return target is applied
    if within in _OF_QUANTITIES or field in _QUANTITIES:
        return quantity(target) == quantity(applied)
    return bool(target == applied)


def _same_mapping(target: Mapping[str, Any], applied: Mapping[str, Any] | None, field: str) -> bool:
    known = applied or {}
    return all(
        says_the_same(target.get(name), known.get(name), field=name, within=field)
        for name in target.keys() | known.keys()
    )


def _same_list(target: list[Any], applied: list[Any], field: str) -> bool:
    return len(target) == len(applied) and all(
        says_the_same(*pair, field=field) for pair in zip(target, applied, strict=True)
    )


def _is_left_out(value: Any, field: str, within: str) -> bool:
    return value in (False, 0, "") and field not in KEPT_ZEROS and within not in OF_TEXTS


def quantity(value: Any) -> Fraction | str:
    """The number a quantity stands for; text that is none stands for itself."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return str(value)
    number, suffix, exponent = match.groups()
    return Fraction(number) * _SUFFIXES.get(suffix or "", 1) * Fraction(10) ** int(exponent or 0)

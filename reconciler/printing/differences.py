"""How do differences between Git and the cluster look?

The outputs of ``gitops app diff`` and ``gitops drift``; called by the commands with what a pass has
compared. Lines begin as those of `argocd app diff` and `kubectl diff` do: ``-`` is live, ``+`` the
target, so what a sync would make of it. What is secret was hidden by the comparison; where a whole
Secret is shown it is hidden here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import yaml

from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.diff import Difference
from gitops.diff.comparing import HIDDEN
from gitops.objects.manifest import ResourceKey
from reconciler.passes.report import ApplicationReport, Report
from reconciler.printing.status import Output, document
from reconciler.printing.tables import is_coloured, table

_COLOURS = {"=": "1", "@": "36", "-": "31", "+": "32"}
_WIDEST = 40
_WIDTH = 10_000
_WHY = {
    Why.MISSING: "not in the cluster",
    Why.EXTRANEOUS: "no longer in Git",
    Why.DIFFERENT: "",
}


def differences(found: Sequence[ApplicationReport], *, stream: TextIO | None = None) -> None:
    """Every object that differs, field by field."""
    stream = stream or sys.stdout
    coloured = is_coloured(stream)
    for each in found:
        bodies = {m.key: m.body for m in each.target.manifests} if each.target else {}
        for drift in each.comparison.drifts:
            for line in object_lines(drift, bodies.get(drift.key)):
                colour = _COLOURS.get(line[:1]) if coloured else None
                print(f"\x1b[{colour}m{line}\x1b[0m" if colour else line, file=stream)


def object_lines(drift: ObjectDrift, target: Mapping[str, Any] | None) -> Iterator[str]:
    """One object that differs.

    Args:
        drift: how it differs.
        target: what Git says, shown where it is not in the cluster at all.
    """
    why = f": {_WHY[drift.why]}" if _WHY[drift.why] else ""
    yield f"===== {drift.key}{why} ====="
    for each in drift.differences:
        by = f" by {each.manager}" if each.manager else ""
        yield f"@@ {each.path} @@{by}"
        yield from _changed(each)
    if drift.why is Why.MISSING and target is not None:
        yield from (f"+{line}" for line in _yaml(shown(target)))
    yield ""


def shown(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it may be shown: without the values of a Secret."""
    if body.get("kind") != "Secret":
        return dict(body)
    return {
        name: dict.fromkeys(value, HIDDEN)
        if name in ("data", "stringData") and isinstance(value, Mapping)
        else value
        for name, value in body.items()
    }


def drift_table(
    rows: Iterable[tuple[str, Comparison]], *, wide: bool = False, stream: TextIO | None = None
) -> None:
    """What differs, a line for each field; the wide form cuts no value.

    Args:
        rows: comparisons, each with what people call the Application.
        wide: whether values stay whole.
        stream: where to.
    """
    header = ["APPLICATION", "OBJECT", "WHY", "FIELD", "TARGET", "LIVE", "MANAGER"]
    lines = [
        [subject, str(drift.key), drift.why.value, *cells]
        for subject, comparison in rows
        for drift in comparison.drifts
        for cells in _cells(drift, wide=wide)
    ]
    if lines:
        table(header, lines, stream=stream)


def printed(
    rows: Iterable[tuple[str, str, Comparison]], output: Output, *, stream: TextIO | None = None
) -> None:
    """The same as JSON or YAML, with every value whole.

    Args:
        rows: comparisons, each with the Application's name and what people call it.
        output: which of the two.
        stream: where to.
    """
    data = [
        {
            "name": name,
            "subject": subject,
            "sync": {"status": comparison.status.value},
            "error": str(comparison.error) if comparison.error else "",
            "objects": [_object(drift) for drift in comparison.drifts],
        }
        for name, subject, comparison in rows
    ]
    document(data, output, stream=stream or sys.stdout)


def summary(reports: Sequence[Report], drifts: Sequence[ObjectDrift]) -> str:
    """One line: how much differs, and what it was compared with."""
    objects = f"{len(drifts)} object{'' if len(drifts) == 1 else 's'}"
    counted = f"{objects} differ{'s' if len(drifts) == 1 else ''}" if drifts else "nothing differs"
    commits = ", ".join(dict.fromkeys(each.commit[:10] for each in reports))
    return f"{counted} from {commits}; compared in {sum(e.seconds for e in reports):.1f} s"


def _changed(difference: Difference) -> Iterator[str]:
    live, target = _value(difference.live), _value(difference.target)
    if len(live) > 1 and len(target) > 1:
        changes = difflib.unified_diff(live, target, lineterm="", n=2)
        yield from [line for line in changes if not line.startswith(("---", "+++", "@@"))]
        return
    yield from (f"-{line}" for line in live)
    yield from (f"+{line}" for line in target)


def _value(value: Any) -> list[str]:
    """A value as lines; nothing where there is none."""
    if value is None:
        return []
    if isinstance(value, str) and "\n" in value:
        return value.splitlines()
    return _yaml(value)


def _yaml(value: Any) -> list[str]:
    if value == HIDDEN:
        return [HIDDEN]
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text.removesuffix("...\n").splitlines()


def _cells(drift: ObjectDrift, *, wide: bool) -> Iterator[list[str]]:
    if not drift.differences:
        yield ["-"] * 4
    for each in drift.differences:
        values = (_cell(each.target, wide=wide), _cell(each.live, wide=wide))
        yield [each.path, *values, each.manager or "-"]


def _cell(value: Any, *, wide: bool) -> str:
    text = "-" if value is None else " ".join(str(value).split())
    return text if wide or len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _object(drift: ObjectDrift) -> dict[str, Any]:
    return {
        **_identity(drift.key, drift.api_version),
        "why": drift.why.value,
        "differences": [
            {"path": e.path, "target": e.target, "live": e.live, "manager": e.manager}
            for e in drift.differences
        ],
    }


def _identity(key: ResourceKey, api_version: str) -> dict[str, str]:
    return {
        "group": key.group,
        "version": api_version.rpartition("/")[2],
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
    }

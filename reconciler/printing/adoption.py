"""How does an adoption look before it is made?

Called by ``gitops adopt``: one line for each object, below it what the next sync will change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from gitops.adoption.plan import Adoption
from gitops.adoption.tracking import helm_release
from gitops.diff import Difference
from gitops.ignoring.json_paths import pointer
from reconciler.adopting import Survey
from reconciler.printing.status import Output, document
from reconciler.printing.tables import table

_LONGEST = 60
_COLUMNS = ("APPLICATION", "KIND", "NAMESPACE", "NAME", "MANAGED BY", "CHANGES", "GOES")


def report(survey: Survey, output: Output, *, stream: TextIO | None = None) -> None:
    """What would be adopted."""
    stream = stream or sys.stdout
    match output:
        case Output.NAME:
            for each in survey.adoptions:
                group = f".{each.key.group}" if each.key.group else ""
                print(f"{each.key.kind.lower()}{group}/{each.key.name}", file=stream)
        case Output.JSON | Output.YAML:
            document(as_data(survey), output, stream=stream)
        case _:
            if survey.adoptions:
                _table(survey.adoptions, wide=output is Output.WIDE, stream=stream)
            for line in _details(survey.adoptions):
                print(line, file=stream)
            print(f"\n{summary(survey)}" if survey.adoptions else summary(survey), file=stream)


def as_data(survey: Survey) -> dict[str, Any]:
    """A survey as ``-o json`` has it."""
    return {
        "objects": [_data(each) for each in survey.adoptions],
        "ours": survey.ours,
        "missing": survey.missing,
        "helmReleases": helm_releases(survey),
        "errors": [str(each) for each in survey.errors],
    }


def summary(survey: Survey) -> str:
    """The last line of a report."""
    found = survey.adoptions
    parts = [
        f"{len(found)} objects to adopt" if found else "nothing to adopt",
        f"{survey.ours} ours already",
        f"{survey.missing} not in the cluster yet",
    ]
    changed = sum(1 for each in found if each.changes or each.losses)
    if changed:
        parts.append(f"the next sync changes {changed} of them")
    return "; ".join(parts)


def helm_releases(survey: Survey) -> list[str]:
    """The Helm releases objects belong to, as ``<namespace>/<name>``."""
    releases = (helm_release(each.live) for each in survey.adoptions)
    return sorted({f"{each.namespace}/{each.name}" for each in releases if each})


def _table(found: Sequence[Adoption], *, wide: bool, stream: TextIO) -> None:
    header = [*_COLUMNS]
    lines = [
        [
            each.application or "-",
            each.key.kind,
            each.key.namespace or "-",
            each.key.name,
            ", ".join(each.trackers) or "-",
            str(len(each.changes)),
            str(len(each.losses)),
        ]
        for each in found
    ]
    if wide:
        header += ["FIELD MANAGERS", "METADATA THAT GOES"]
        for line, each in zip(lines, found, strict=True):
            line += [
                ", ".join(each.managers) or "-",
                ", ".join(str(path[-1]) for path in each.stripped) or "-",
            ]
    table(header, lines, stream=stream)


def _details(found: Sequence[Adoption]) -> Iterator[str]:
    several = [each for each in found if each.changes or each.losses]
    if several:
        yield "\nThe next sync changes:"
    for each in several:
        yield f"  {each.key}"
        for change in each.changes:
            yield f"    {change.path}: {_text(change.live)} -> {_text(change.target)}"
        for loss in each.losses:
            yield f"    {loss.path}: {_text(loss.live)} -> {_text(loss.target)} (not in Git)"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _data(found: Adoption) -> dict[str, Any]:
    return {
        "group": found.key.group,
        "version": str(found.live["apiVersion"]).rpartition("/")[2],
        "kind": found.key.kind,
        "namespace": found.key.namespace,
        "name": found.key.name,
        "application": found.application,
        "managedBy": list(found.trackers),
        "fieldManagers": list(found.managers),
        "metadata": [pointer(path) for path in found.stripped],
        "changes": [_difference(each) for each in found.changes],
        "losses": [_difference(each) for each in found.losses],
        "refused": str(found.problem) if found.problem else "",
    }


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "path": found.path,
        "live": found.live,
        "target": found.target,
        "manager": found.manager,
    }

"""How does the status of Applications look?

The outputs of ``gitops app list`` and ``get``: kubectl's ``-o`` names, ArgoCD's fields. Called by
the commands with values that are ready to be shown.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from gitops.records.record import ApplicationRecord
from gitops.status.application import ApplicationStatus
from gitops.status.resource import ResourceStatus
from reconciler.commands.durations import age
from reconciler.engine.events import Changes, Outcome
from reconciler.printing.status_data import as_data
from reconciler.printing.tables import table

_NARROWEST = 40  # for a message
_APPLICATION_COLUMNS = ("NAME", "CATEGORY", "NAMESPACE", "SYNC", "HEALTH", "OBJECTS")
_CATEGORY, _NAMESPACE, _SYNC = 1, 2, 3
_SHORT = 10


class Output(StrEnum):
    """What can stand after ``-o``; a table without it."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def applications(
    found: Sequence[ApplicationStatus],
    output: Output = Output.TABLE,
    *,
    changes: Mapping[str, Changes] | None = None,
    stream: TextIO | None = None,
) -> None:
    """The Applications; with a column of what a run changed when ``changes`` is given.

    Where there are none, names and tables print nothing.
    """
    stream = stream or sys.stdout
    if output is Output.NAME:
        for each in found:
            print(each.name, file=stream)
    elif output in (Output.JSON, Output.YAML):
        document([as_data(each) for each in found], output, stream=stream)
    elif found:
        _application_table(found, changes, wide=output is Output.WIDE, stream=stream)


def application(
    found: ApplicationStatus, output: Output = Output.TABLE, *, stream: TextIO | None = None
) -> None:
    """One Application, with its objects as a tree."""
    stream = stream or sys.stdout
    if output is Output.NAME:
        print(found.name, file=stream)
    elif output in (Output.JSON, Output.YAML):
        document(as_data(found), output, stream=stream)
    else:
        facts = _facts(found)
        width = max(len(name) for name in facts) + 4
        for name, value in facts.items():
            print(f"{name + ':':<{width}}{value}", file=stream)
        if found.resources:
            print(file=stream)
            resources(found.resources, wide=output is Output.WIDE, stream=stream)


def resources(
    found: Sequence[ResourceStatus], *, wide: bool = False, stream: TextIO | None = None
) -> None:
    """Objects and what is below them as an indented table."""
    stream = stream or sys.stdout
    header = ["KIND", "NAMESPACE", "NAME", "HEALTH", "MESSAGE"]
    lines = [
        [
            f"{branch}{each.key.kind}",
            each.key.namespace or "-",
            each.key.name,
            each.health.status.value,
            # the cause stands further down, beside the object that has it
            each.health.message if each.children else each.message,
        ]
        for branch, each in _walk(found)
    ]
    table(header, _fitted(header, lines, wide=wide, stream=stream), stream=stream)


def document(data: Any, output: Output, *, stream: TextIO) -> None:
    """Data as JSON or YAML."""
    if output is Output.JSON:
        print(json.dumps(data, indent=2, ensure_ascii=False), file=stream)
        return
    import yaml

    yaml.safe_dump(data, stream, sort_keys=False, allow_unicode=True, width=1000)


def _application_table(
    found: Sequence[ApplicationStatus],
    changes: Mapping[str, Changes] | None,
    *,
    wide: bool,
    stream: TextIO,
) -> None:
    header = [*_APPLICATION_COLUMNS]
    lines = [
        [
            each.name,
            each.category or "-",
            each.namespace or "-",
            _sync(each),
            each.health.status.value,
            str(len(each.resources)),
        ]
        for each in found
    ]
    if not wide and not any(each.record for each in found):
        for line in (header, *lines):
            del line[_SYNC]  # nothing is known of it
    if wide:
        header += ["REVISION", "COMPARED", "PROJECT", "SET", "PATH"]
        for line, each in zip(lines, found, strict=True):
            spec = each.spec
            known = (spec.project, spec.application_set, spec.source.path) if spec else ("-",) * 3
            line += [each.sync.revision[:_SHORT] or "-", _compared(each) or "-", *known]
    if changes is not None:
        header.append("CHANGED")
        for line, each in zip(lines, found, strict=True):
            own = changes.get(each.name)
            line.append(str(own) if own and (own.changed or own[Outcome.FAILED]) else "-")
    if any(each.health.message for each in found):
        header.append("MESSAGE")
        for line, each in zip(lines, found, strict=True):
            line.append(each.health.message)
    if not wide and _room(header, lines, stream=stream) < _NARROWEST:
        for line in (header, *lines):
            del line[_CATEGORY : _NAMESPACE + 1]  # most names tell both
    table(header, _fitted(header, lines, wide=wide, stream=stream), stream=stream)


def _facts(found: ApplicationStatus) -> dict[str, str]:
    spec = found.spec
    facts = {
        "Name": found.name,
        "Category": found.category or "-",
        "Project": spec.project if spec else "-",
        "Set": spec.application_set if spec else "-",
        "Path": spec.source.path if spec else "- (not in Git)",
        "Namespace": found.namespace or "-",
        "Sync": _told_of_sync(found),
        **(_remembered(found.record) if found.record else {}),
        "Health": found.health.status.value,
    }
    if found.health.message:
        facts["Message"] = found.health.message
    facts["Objects"] = str(len(found.resources))
    return facts


def _told_of_sync(found: ApplicationStatus) -> str:
    sync = found.sync
    if not sync.revision:
        return f"{sync.status.value} ({sync.message})"
    ago = _compared(found)
    return f"{sync.status.value} ({sync.revision}{f', compared {ago} ago' if ago else ''})"


def _remembered(record: ApplicationRecord) -> dict[str, str]:
    """What a pass has left to say of an Application, and what people have asked of it."""
    facts: dict[str, str] = {}
    if record.paused:
        by = f"by {record.paused_by} " if record.paused_by else ""
        facts["Paused"] = f"{by}since {record.paused_at}" if record.paused_at else f"yes {by}"
    if operation := record.operation:
        ended = operation.finished or operation.started
        ago = age((datetime.now(UTC) - ended).total_seconds())
        facts["Last sync"] = f"{operation.phase.value} {ago} ago ({operation.message})"
    for each in record.conditions:
        facts[each.type] = " ".join(each.message.split())
    return facts


def _sync(found: ApplicationStatus) -> str:
    """What stands in the table; what keeps automation away belongs to it."""
    record = found.record
    marks = (
        ("paused", record is not None and record.paused),
        ("rolled back", record is not None and record.pinned is not None),
    )
    told = ", ".join(name for name, is_so in marks if is_so)
    return f"{found.sync.status.value} ({told})" if told else found.sync.status.value


def _compared(found: ApplicationStatus) -> str:
    if found.sync.compared is None:
        return ""
    return age((datetime.now(UTC) - found.sync.compared).total_seconds())


def _walk(
    found: Sequence[ResourceStatus], indent: str = "", *, below: bool = False
) -> Iterator[tuple[str, ResourceStatus]]:
    """Every object with the branch that leads to it."""
    for place, each in enumerate(found):
        last = place == len(found) - 1
        branch = ("└─" if last else "├─") if below else ""
        yield f"{indent}{branch}", each
        deeper = indent + (("  " if last else "│ ") if below else "")
        yield from _walk(each.children, deeper, below=True)


def _fitted(
    header: Sequence[str], lines: Sequence[list[str]], *, wide: bool, stream: TextIO
) -> Sequence[list[str]]:
    """Lines whose message goes on below itself where the terminal ends: the root cause is at its
    end. Whole where nobody looks."""
    room = _room(header, lines, stream=stream)
    if wide or room == sys.maxsize:
        return lines
    fitted = []
    for line in lines:
        parts = textwrap.wrap(line[-1], max(room, _NARROWEST), break_on_hyphens=False)
        first, *rest = parts or [""]
        fitted.append([*line[:-1], first])
        fitted += [[*[""] * (len(line) - 1), part] for part in rest]
    return fitted


def _room(header: Sequence[str], lines: Sequence[Sequence[str]], *, stream: TextIO) -> int:
    """How much of a message fits into a line."""
    if header[-1] != "MESSAGE" or not stream.isatty():
        return sys.maxsize
    columns = zip(header[:-1], *(line[:-1] for line in lines), strict=True)
    taken = sum(max(map(len, column)) + 3 for column in columns)
    return shutil.get_terminal_size().columns - taken

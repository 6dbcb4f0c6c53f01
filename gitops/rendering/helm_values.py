"""Which files and arguments does an Application's source give to ``helm template``?

``spec.source.helm``: gathered before a chart is rendered, and turned into arguments once the chart
is laid out, because a pattern may match files of a chart that has to be pulled first. Called by the
builder of charts. Sources: ArgoCD, "Helm" and "Multiple Sources"; Helm's own order of precedence.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gitops.errors import RenderError
from gitops.rendering.build_environment import expanded
from gitops.rendering.source_tree import SourceTree
from gitops.rendering.stage import BESIDE, Stage
from gitops.templates.path_pattern import compile_pattern

VALUES = "values.yaml"
_WILD = re.compile(r"[*?\[{]")
_COMMA = re.compile(r"(?<!\\),")


def resolved(
    options: Mapping[str, Any], environment: Mapping[str, str], *, references: Mapping[str, Any]
) -> dict[str, Any]:
    """The options with the build environment filled in where ArgoCD does it.

    Args:
        options: ``spec.source.helm``.
        environment: the build environment.
        references: the ``ref`` of each other source; it is no variable.
    """
    found = {key: value for key, value in options.items() if value not in ("", [], {}, None)}
    if "valueFiles" in found:
        found["valueFiles"] = [_path(each, environment, references) for each in found["valueFiles"]]
    if "fileParameters" in found:
        found["fileParameters"] = [
            {**each, "path": _path(each["path"], environment, references)}
            for each in found["fileParameters"]
        ]
    if "parameters" in found:
        found["parameters"] = [
            {**each, "value": expanded(each.get("value", ""), environment)}
            for each in found["parameters"]
        ]
    return found


def own_values(options: Mapping[str, Any]) -> dict[str, bytes]:
    """The Application's own values as a file; ``valuesObject`` wins over ``values``."""
    if options.get("valuesObject"):
        return {VALUES: json.dumps(options["valuesObject"]).encode()}
    return {VALUES: options["values"].encode()} if options.get("values") else {}


def named_files(options: Mapping[str, Any]) -> list[str]:
    """Every path or pattern the options name."""
    return [
        *options.get("valueFiles", ()),
        *(each["path"] for each in options.get("fileParameters", ())),
    ]


def from_tree(name: str, *, path: str, tree: SourceTree) -> dict[str, bytes]:
    """The files of the source's own repository that a name or pattern means.

    Args:
        name: relative to the chart, or with a leading slash to the repository.
        path: the chart's directory.
        tree: the repository.
    """
    wanted = posixpath.normpath(name.lstrip("/") if name.startswith("/") else f"{path}/{name}")
    return _matched(wanted, tree)


def from_reference(name: str, references: Mapping[str, SourceTree]) -> dict[str, bytes]:
    """The files of another source that ``$ref/path`` means, by where they are laid out."""
    ref, _, rest = name[1:].partition("/")
    found = _matched(posixpath.normpath(rest), references[ref])
    return {f"{ref}/{path}": content for path, content in found.items()}


def is_reference(name: str, references: Mapping[str, Any]) -> bool:
    """Whether a name means a file of another source."""
    return name.startswith("$") and name[1:].partition("/")[0] in references


def arguments(options: Mapping[str, Any], *, place: Stage, subject: str) -> list[str]:
    """The arguments for a chart that is laid out.

    Raises:
        RenderError: a file is not there, and not to be passed over.
    """
    found: list[str] = []
    for parameter in options.get("parameters", ()):
        flag = "--set-string" if parameter.get("forceString") else "--set"
        found += [flag, f"{parameter['name']}={_escaped(parameter.get('value', ''))}"]
    for parameter in options.get("fileParameters", ()):
        file = _place(parameter["path"], place)
        if not file.is_file():
            raise _missing(parameter["path"], subject)
        found += ["--set-file", f"{parameter['name']}={_escaped(str(file))}"]
    for file in _value_files(options, place, subject):
        found += ["--values", str(file)]
    own = place.home / BESIDE / VALUES
    if own.is_file():
        found += ["--values", str(own)]
    if not options.get("skipCrds"):
        found.append("--include-crds")
    if options.get("skipSchemaValidation"):
        found.append("--skip-schema-validation")
    if options.get("skipTests"):
        found.append("--skip-tests")
    return found


def _value_files(options: Mapping[str, Any], place: Stage, subject: str) -> list[Path]:
    """The files in order; one a pattern matches that is named as well stands where it is named."""
    names = options.get("valueFiles", ())
    named = {_place(name, place) for name in names if not _WILD.search(name)}
    found: dict[Path, None] = {}
    for name in names:
        file = _place(name, place)
        if _WILD.search(name):
            matched = [each for each in _globbed(file, place) if each not in named]
            if not matched and not options.get("ignoreMissingValueFiles"):
                raise _missing(name, subject)
            found |= dict.fromkeys(matched)
        elif file.is_file():
            found[file] = None
        elif not options.get("ignoreMissingValueFiles"):
            raise _missing(name, subject)
    return list(found)


def _globbed(pattern: Path, place: Stage) -> list[Path]:
    base = place.home / BESIDE if pattern.is_relative_to(place.home) else place.tree
    wanted = _pattern(str(pattern.relative_to(base)))
    return sorted(each for each in _files(base) if wanted.fullmatch(str(each.relative_to(base))))


def _files(base: Path) -> Iterator[Path]:
    for above, _, names in os.walk(base, followlinks=True):
        yield from (Path(above, name) for name in names)


def _place(name: str, place: Stage) -> Path:
    """Where a file is laid out: of another source, of the repository, or of the chart."""
    if name.startswith("$"):
        return Path(os.path.normpath(place.home / BESIDE / name[1:]))
    base = place.tree if name.startswith("/") else place.directory
    found = Path(os.path.normpath(f"{base}/{name.lstrip('/')}"))
    return found if found.is_relative_to(place.tree) else place.tree / "outside"


def _matched(wanted: str, tree: SourceTree) -> dict[str, bytes]:
    if wanted.startswith(".."):
        return {}
    if not _WILD.search(wanted):
        return {wanted: tree.read(wanted)} if tree.kind(wanted) == "file" else {}
    literal = wanted[: next(_WILD.finditer(wanted)).start()].rpartition("/")[0] or "."
    if tree.kind(literal) != "directory":
        return {}
    pattern = _pattern(wanted)
    return {path: text for path, text in tree.contents(literal).items() if pattern.fullmatch(path)}


def _pattern(text: str) -> re.Pattern[str]:
    """``**`` is any number of folders, else as Go's ``path.Match`` (doublestar)."""
    parts = re.split(r"(\*\*/|\*\*)", text)
    words = {"**/": "(?:[^/]+/)*", "**": ".*"}
    return re.compile("".join(words.get(part) or compile_pattern(part).pattern for part in parts))


def _path(name: str, environment: Mapping[str, str], references: Mapping[str, Any]) -> str:
    if is_reference(name, references):
        ref, slash, rest = name.partition("/")
        return f"{ref}{slash}{expanded(rest, environment)}"
    return expanded(name, environment)


def _escaped(value: str) -> str:
    """A comma ends a value for Helm; a list in braces is one."""
    if value.startswith("{") and value.endswith("}"):
        return value
    return _COMMA.sub(r"\,", value)


def _missing(name: str, subject: str) -> RenderError:
    return RenderError(
        subject,
        f"the source's helm options name {name}, which is no file",
        remedy="add it, correct the path, or set ignoreMissingValueFiles",
    )

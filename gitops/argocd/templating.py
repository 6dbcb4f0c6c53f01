"""What does an ApplicationSet's template say for one set of parameters?

Both of ArgoCD's forms: the older ``{{name}}``, which leaves what it does not know as it is, and Go
templates, which a small program of ours fills in (``toolchain/go/templates``). One program serves
a whole pass over the repository, and is only started when a set has ``goTemplate: true``. Called by
the generators and the reader of ApplicationSets.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from gitops.errors import HomeOpsError, ToolError
from gitops.rendering import tools

PROGRAM = "home-ops-templates"

_TEMPLATED = re.compile(r".*\{\{.*\}\}.*")
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class TextMap(dict[str, str]):
    """A map of text to text, which Go's templates tell from other mappings."""


class TemplateError(HomeOpsError):
    """A template cannot be filled in; ``missing_key``: a parameter does not exist."""

    missing_key: bool = False


class Templates:
    """The filling in of templates, for as long as the context lasts."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Templates:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        self._process = None

    @property
    def started(self) -> bool:
        """Whether a set wanted Go templates so far."""
        return self._process is not None

    def fill(
        self,
        value: Any,
        parameters: Mapping[str, Any],
        *,
        options: tuple[str, ...] | None,
        subject: str,
    ) -> Any:
        """A nested value with every text in it filled in, keys included.

        Args:
            value: text, or mappings and lists of it; anything else stays as it is.
            parameters: what templates may name.
            options: ``goTemplateOptions`` where the set has ``goTemplate: true``, else None.
            subject: what errors start with.

        Raises:
            TemplateError: a template is malformed, or names a parameter that does not exist where
                the options ask for an error.
            ToolError: the program for Go templates is missing or ended.
        """
        if options is None:
            return _filled(value, parameters, subject)
        answer = self._asked(
            {
                "value": value,
                "parameters": parameters,
                "textMaps": list(_text_maps(parameters, ())),
                "options": list(options),
            }
        )
        if "error" not in answer:
            return answer["value"]
        error = TemplateError(
            subject,
            f"the template cannot be filled in: {answer['error']}",
            remedy=f"correct it; parameters are {', '.join(sorted(parameters)) or 'none'}",
        )
        error.missing_key = answer.get("missingKey", False)
        raise error

    def _asked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process or self._start()
        stdin, stdout = process.stdin, process.stdout
        line = ""
        if stdin is not None and stdout is not None:
            try:
                stdin.write(json.dumps(request) + "\n")
                stdin.flush()
                line = stdout.readline()
            except OSError:
                line = ""
        if not line:
            raise ToolError(PROGRAM, "ended unexpectedly", remedy='run: eval "$(make env)"')
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [tools.find(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": ""},  # a template shall see nothing of whoever runs this
            text=True,
            encoding="utf-8",
        )
        self._stack.enter_context(process)
        self._process = process
        return process


def _filled(value: Any, parameters: Mapping[str, Any], subject: str) -> Any:
    """ArgoCD's older form (fasttemplate): a parameter that is no text is none."""
    if isinstance(value, str):
        return _filled_text(value, parameters, subject)
    if isinstance(value, Mapping):
        return {
            _filled_text(key, parameters, subject): _filled(part, parameters, subject)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_filled(part, parameters, subject) for part in value]
    return value


def _filled_text(text: str, parameters: Mapping[str, Any], subject: str) -> str:
    if not _TEMPLATED.search(text):
        return text
    if "{{" in _TAG.sub("", text):
        raise TemplateError(
            subject, f"braces do not match in template {text!r}", remedy="write {{name}}"
        )

    def replacement(found: re.Match[str]) -> str:
        value = parameters.get(found[1].strip())
        return value if isinstance(value, str) else found[0]

    return _TAG.sub(replacement, text)


def _text_maps(parameters: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(parameters, TextMap):
        yield path
    elif isinstance(parameters, Mapping):
        for key, part in parameters.items():
            yield from _text_maps(part, (*path, key))

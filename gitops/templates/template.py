"""What does a template such as ``{{cluster}}-{{path.basename}}`` say for one directory?

Called by discovery for every directory of an ApplicationSet. The form is ArgoCD's fasttemplate
(ApplicationSet, "Template"); the plain lookups of its Go templates are read as well. A parameter
that does not exist is an error, as with ``goTemplateOptions: [missingkey=error]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gitops.configuration.suggestions import did_you_mean
from gitops.errors import DiscoveryError

Filling = Callable[[Mapping[str, str], str], Any]

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"\.?([A-Za-z_][\w.-]*(?:\[\d+\])?)")
_SEGMENT = re.compile(r"index\s+\.path\.segments\s+(\d+)")
_BRACES = re.compile(r"\{\{|\}\}")
_FORBIDDEN = re.compile(r"[^-a-z0-9.]")


def path_parameters(path: str) -> dict[str, str]:
    """The parameters the Git directory generator gives for a directory.

    Source: ArgoCD, "Git Generator: Directories"; ``category`` is ours: the directory above.
    """
    segments = path.split("/")
    parameters = {f"path[{index}]": segment for index, segment in enumerate(segments)}
    parameters |= {
        "path": path,
        "path.path": path,
        "path.basename": segments[-1],
        "path.basenameNormalized": _normalized(segments[-1]),
    }
    if len(segments) > 1:
        parameters["category"] = segments[-2]
    return parameters


def expand(value: Any, parameters: Mapping[str, str], *, subject: str) -> Any:
    """Fill in every placeholder in the keys and values of a nested value.

    Args:
        value: text, or mappings and lists of it; anything else is returned as it is.
        parameters: what placeholders may name.
        subject: what errors are about.

    Raises:
        DiscoveryError: a placeholder names no parameter, or is more than a name.
    """
    filling = prepare(value)
    return filling(parameters, subject) if filling else value


def prepare(value: Any) -> Filling | None:
    """What fills in a nested value, or None when it has no placeholder: most of it never does,
    and one template serves hundreds of directories."""
    if isinstance(value, str):
        if "{{" in value or "}}" in value:
            return _prepared_text(value)
    elif isinstance(value, Mapping):
        keys = [(key, prepare(key), part, prepare(part)) for key, part in value.items()]
        if any(by_key or by_part for _, by_key, _, by_part in keys):
            return lambda parameters, subject: {
                by_key(parameters, subject) if by_key else key: (
                    by_part(parameters, subject) if by_part else part
                )
                for key, by_key, part, by_part in keys
            }
    elif isinstance(value, list | tuple):
        parts = [(part, prepare(part)) for part in value]
        if any(by_part for _, by_part in parts):
            return lambda parameters, subject: [
                by_part(parameters, subject) if by_part else part for part, by_part in parts
            ]
    return None


def _prepared_text(text: str) -> Filling:
    """What fills in a text; it is taken apart once, and its errors are raised when it is used."""
    literals, expressions = _PLACEHOLDER.split(text)[::2], _PLACEHOLDER.findall(text)
    names = [_parameter_name(expression.strip()) for expression in expressions]
    unmatched = any(_BRACES.search(literal) for literal in literals)

    def fill(parameters: Mapping[str, str], subject: str) -> str:
        if unmatched:
            raise DiscoveryError(
                subject, f"braces do not match in template {text!r}", remedy="write {{name}}"
            )
        filled = literals[0]
        for index, name in enumerate(names):
            if name is None or name not in parameters:
                raise _refusal(expressions[index].strip(), name, parameters, subject)
            filled += parameters[name] + literals[index + 1]
        return filled

    return fill


def _parameter_name(expression: str) -> str | None:
    """The parameter an expression names, None when it does more than that."""
    if found := _SEGMENT.fullmatch(expression):
        return f"path[{found[1]}]"
    found = _NAME.fullmatch(expression)
    return found[1] if found else None


def _refusal(
    expression: str, name: str | None, parameters: Mapping[str, str], subject: str
) -> DiscoveryError:
    allowed = ", ".join(sorted(parameters))
    if name is None:
        return DiscoveryError(
            subject,
            f"template expression {{{{{expression}}}}} is more than a parameter's name",
            remedy=f"templates only fill in parameters: {allowed}",
        )
    return DiscoveryError(
        subject,
        f"the template names {{{{{expression}}}}}, and there is no such parameter",
        remedy=f"use one of {allowed}{did_you_mean(name, parameters)}",
    )


def _normalized(name: str) -> str:
    """A name as ArgoCD's ``SanitizeName`` writes it."""
    return _FORBIDDEN.sub("-", name.lower())[:253].strip("-.")

"""When does the prune gate stop an Application, and what has been confirmed?

The config's ``pruneGate`` and ``confirm``, read by config and by the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.configuration import schema
from gitops.errors import ConfigError
from gitops.gate.stateful_kinds import StatefulKind

ENVIRONMENT = "HOME_OPS_CONFIRM"
ANNOTATION = "home-ops/confirm"
TOKEN_PREFIX = "prune-"  # makes it a text in YAML whatever the digest looks like
_TOKEN = re.compile(rf"{TOKEN_PREFIX}[0-9a-f]{{16}}")
_SEPARATOR = re.compile(r"[,\s]+")
_COUNT = {
    "type": "integer",
    "minimum": 1,
    "maximum": 1000000,
    "description": "a whole number, 1 or more",
}
_PERCENT = {
    "type": "integer",
    "minimum": 0,
    "maximum": 100,
    "description": "whole percents, 0 to 100",
}
_LIMIT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"percent": _PERCENT, "atLeast": _COUNT, "count": _COUNT},
}
_KIND = {
    "type": "object",
    "required": ["kind"],
    "additionalProperties": False,
    "properties": {
        "group": {"type": "string", "description": "text"},
        "kind": {"type": "string", "pattern": r"\S", "description": "text that is not empty"},
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "application": _LIMIT,
        "cluster": _LIMIT,
        "statefulKinds": {"type": "array", "items": _KIND},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many of some objects may be deleted at once.

    Args:
        percent: more than this share of them is too many,
        at_least: where there are at least this many of them.
        count: more than this is too many in any case.
    """

    percent: int
    at_least: int
    count: int

    def exceeded(self, doomed: int, total: int) -> str:
        """How a number of deletions exceeds the limit; an empty text when it does not."""
        if doomed > self.count:
            return f"{doomed} of {total} objects, more than {self.count}"
        if total >= self.at_least and doomed * 100 > total * self.percent:
            return f"{doomed} of {total} objects, more than {self.percent} %"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """The limits for one Application and for all together, and further kinds that hold data.

    The defaults suit a home lab: a chart that drops a few objects or a small Application that is
    removed passes, half an Application or a fifth of the cluster does not.
    """

    application: Limit = field(default_factory=lambda: Limit(percent=50, at_least=5, count=100))
    cluster: Limit = field(default_factory=lambda: Limit(percent=20, at_least=50, count=200))
    stateful_kinds: tuple[StatefulKind, ...] = ()


def read(values: Any, *, subject: str) -> GateSettings:
    """The config's ``pruneGate``; what is left out has its default.

    Raises:
        ConfigError: an unknown key or a wrong value.
    """
    for problem in schema.problems(values, SCHEMA, path=subject):
        raise ConfigError(problem.path, problem.reason, remedy=problem.remedy)
    defaults = GateSettings()
    return GateSettings(
        application=_limit(values.get("application", {}), defaults.application),
        cluster=_limit(values.get("cluster", {}), defaults.cluster),
        stateful_kinds=tuple(
            StatefulKind(
                group=each.get("group", ""),
                kinds=frozenset({each["kind"]}),
                loses="what the config calls stateful",
            )
            for each in values.get("statefulKinds", ())
        ),
    )


def read_confirmations(values: str | Iterable[str], *, subject: str) -> frozenset[str]:
    """The tokens of confirmed deletions.

    Args:
        values: a list, or one text with commas or blanks between the tokens.
        subject: where they stand: the config, an annotation, the environment ...

    Raises:
        ConfigError: one is no token, such as ``yes``: a confirmation names one deletion.
    """
    given = _SEPARATOR.split(values) if isinstance(values, str) else values
    tokens = frozenset(given) - {""}
    for token in sorted(tokens):
        if not _TOKEN.fullmatch(token):
            raise ConfigError(
                subject,
                f"{token!r} confirms no deletion",
                remedy=f"give the {TOKEN_PREFIX}... that the stopped run or its preview printed",
            )
    return tokens


def _limit(values: Mapping[str, int], default: Limit) -> Limit:
    return Limit(
        percent=values.get("percent", default.percent),
        at_least=values.get("atLeast", default.at_least),
        count=values.get("count", default.count),
    )

"""Which labels does a selector accept?

Called by the command line for ``-l``. Kubernetes, "Labels and Selectors": requirements separated by
commas, all of which must hold; ``=``, ``==``, ``!=``, ``in``, ``notin``, ``key`` and ``!key``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gitops.errors import ConfigError

_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_VALUE = r"[-A-Za-z0-9_.]*"
_REQUIREMENT = re.compile(
    rf"""\s*(?:
        (?P<absent>!)\s*(?P<absent_key>{_KEY})
      | (?P<key>{_KEY})\s*(?:
            (?P<operator>==|=|!=)\s*(?P<value>{_VALUE})
          | \s(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
        )?
    )\s*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A label that must, or with ``negated`` must not, have one of the values.

    ``values`` is None where any value will do.
    """

    key: str
    values: frozenset[str] | None = None
    negated: bool = False

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it; a missing label fulfils every negation."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is not self.negated


def parse(text: str) -> tuple[Requirement, ...]:
    """The requirements of a selector.

    Raises:
        ConfigError: it cannot be read.
    """
    found: list[Requirement] = []
    place = 0
    while place < len(text):
        match = _REQUIREMENT.match(text, place)
        if match is None:
            raise ConfigError(
                f"selector {text!r}",
                f"cannot be read at {text[place:]!r}",
                remedy="write it like kubectl's: key=value,key!=value,key in (a,b)",
            )
        found.append(_requirement(match))
        place = match.end()
    return tuple(found)


def _requirement(match: re.Match[str]) -> Requirement:
    if match["absent"]:
        return Requirement(key=match["absent_key"], negated=True)
    if match["operator"]:
        values = frozenset({match["value"]})
        return Requirement(key=match["key"], values=values, negated=match["operator"] == "!=")
    if match["set"]:
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(key=match["key"], values=values, negated=match["set"] == "notin")
    return Requirement(key=match["key"])

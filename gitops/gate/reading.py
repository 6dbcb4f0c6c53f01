"""What has the prune gate stopped in a run that somebody else made?

Called by whoever ran the engine, to which the program speaks in messages alone: it reads what
``judge.GateStop`` says of an Application.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 3
_FIRST = re.compile(r"^(?P<subject>\S+): the prune gate keeps [0-9]+ objects? ")
_OBJECT = re.compile(r"^  - (?P<object>.+)$", re.MULTILINE)
_TOKEN = re.compile(r"--confirm (?P<token>prune-[0-9a-f]{16})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """An Application that is left as it is: what would be deleted of it, and what confirms that."""

    subject: str
    objects: tuple[str, ...]
    confirm: str

    def __str__(self) -> str:
        more = len(self.objects) - SHOWN
        named = [*self.objects[:SHOWN], *([f"{more} more"] if more > 0 else [])]
        return (
            f"{self.subject}: stopped by the prune gate, which keeps {', '.join(named)}; "
            f"put back into Git, or `gitops up --confirm {self.confirm}`"
        )


def stopped_in(messages: Iterable[str]) -> tuple[Stopped, ...]:
    """The Applications that messages of a run say were stopped, each once.

    Args:
        messages: all that the run said; others are passed over.
    """
    found: dict[str, Stopped] = {}
    for message in messages:
        first, token = _FIRST.match(message.strip()), _TOKEN.search(message)
        if first is not None and token is not None:
            found[first["subject"]] = Stopped(
                subject=first["subject"],
                objects=tuple(_OBJECT.findall(message)),
                confirm=token["token"],
            )
    return tuple(found.values())

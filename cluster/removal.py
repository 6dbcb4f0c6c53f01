"""How are objects deleted in order, each set gone before the next?

Called where the engine's own order is of no use: it deletes only at the end of a run, after every
hook, and knows no order among objects that do not depend on each other directly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cluster.discovery import ApiResource
from cluster.hook_cluster import HookCluster, Live
from cluster.hook_wait import FIRST_PAUSE, paused
from cluster.objects import Propagation
from gitops.errors import ClusterError
from gitops.health import assess
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import live_key

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A live object that is to be deleted, and what becomes of those it owns."""

    resource: ApiResource
    live: Live = field(hash=False)
    propagation: Propagation = Propagation.FOREGROUND

    @property
    def key(self) -> ResourceKey:
        """Its identity."""
        return live_key(self.live)


async def remove(
    cluster: HookCluster, doomed: Sequence[Doomed], *, subject: str, timeout: float
) -> None:
    """Delete objects together and return when the last of them has gone.

    Args:
        cluster: where they are.
        doomed: the very objects, by uid; what took a name since is left alone.
        subject: what errors call their Application.
        timeout: seconds they may take.

    Raises:
        ClusterError: some are still there, or the API server does not answer or refuses.
    """
    await asyncio.gather(
        *(cluster.delete(e.resource, e.live, propagation=e.propagation) for e in doomed)
    )
    deadline, pause = time.monotonic() + timeout, FIRST_PAUSE
    left = await _remaining(cluster, doomed)
    while left:
        if time.monotonic() > deadline:
            raise ClusterError(
                subject,
                f"{len(left)} objects are deleted and still there after {timeout:.0f} s: "
                f"{'; '.join(_told(left))}",
                remedy="remove what holds them; the next run goes on",
            )
        pause = await paused(pause)
        left = await _remaining(cluster, [each for each, _ in left])


async def _remaining(cluster: HookCluster, doomed: Iterable[Doomed]) -> list[tuple[Doomed, Live]]:
    every = list(doomed)
    seen = await asyncio.gather(*(cluster.look(each.resource, each.live) for each in every))
    return [(each, live) for each, live in zip(every, seen, strict=True) if live is not None]


def _told(left: Sequence[tuple[Doomed, Live]]) -> Iterable[str]:
    for each, live in left[:SHOWN]:
        yield f"{each.key} ({assess(live).message})"

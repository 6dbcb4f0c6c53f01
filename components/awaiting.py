"""What has to be there before an Application goes on?

Called by the Application: for the Applications that come before it, and for resources it has
declared. Whoever waits here learns of a failure instead of failing with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi
from pulumi.resource import DependencyResource

from gitops.application_order import waits_in_vain
from gitops.application_target import ApplicationTarget
from gitops.errors import HomeOpsError


class Earlier(Protocol):
    """An Application others wait for: ``settled`` once it is synced or given up, with an ``error``
    if it is not synced; ``last`` is what to depend on to be deleted before it."""

    error: HomeOpsError | None
    settled: asyncio.Event
    last: Sequence[pulumi.Resource]

    @property
    def subject(self) -> str:
        """What errors call it."""


class Standing:
    """An Application that is as it should be and is not part of the run.

    Args:
        subject: what errors would call it.
        last: its last objects.
    """

    def __init__(self, subject: str, last: Sequence[pulumi.Resource]) -> None:
        self.error: HomeOpsError | None = None
        self.last = last
        self.settled = asyncio.Event()
        self.settled.set()
        self._subject = subject

    @property
    def subject(self) -> str:
        """What errors would call it."""
        return self._subject


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """The Applications that come before one: those that must be synced and healthy, and those whose
    failure does not matter."""

    required: Sequence[Earlier] = ()
    preferred: Sequence[Earlier] = ()

    @property
    def lasts(self) -> list[pulumi.Resource]:
        """What its first objects depend on, to be deleted before."""
        return [last for each in (*self.required, *self.preferred) for last in each.last]

    async def settled(self, target: ApplicationTarget) -> HomeOpsError | None:
        """Wait for all of them; why the Application may not begin, or None.

        One that is broken or stopped begins in any case: it only keeps what it has.
        """
        for each in (*self.required, *self.preferred):
            await each.settled.wait()
        failed = next((each for each in self.required if each.error is not None), None)
        if failed is None or target.error is not None or target.stopped:
            return None
        return waits_in_vain(target, failed.subject)


NOTHING = After()


async def applied(resources: Iterable[pulumi.Resource]) -> list[pulumi.Resource]:
    """What to depend on to be deleted before the resources, once all have been tried; those that
    were refused are left out.

    By URN alone: of a resource itself the SDK would search all it depends on for a cycle, each time
    (5 seconds of processor time for 300 objects in 5 waves).
    """
    every = list(resources)
    gone = await not_applied(every)
    return [DependencyResource(str(await each.urn.future())) for each in every if each not in gone]


async def not_applied(resources: Iterable[pulumi.Resource]) -> list[pulumi.Resource]:
    """Those of the resources that could not be applied, once all have been tried."""
    found = []
    for resource in resources:
        try:
            await resource.urn.future()
        except Exception:  # the SDK has no type for it; the engine has reported why
            found.append(resource)
    return found

"""How did a hook end, and how long does one wait for it?

Called by ``hook_run`` once the object is there. ArgoCD goes by the object's health: Healthy is
done, Degraded has failed, anything else still runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cluster.connection import StatusError, UnreachableError
from cluster.discovery import ApiResource
from cluster.hook_cluster import HookCluster
from cluster.hook_failures import Ending, failed, hanging, vanished
from cluster.threads import in_thread
from gitops.errors import HookError
from gitops.health import UserRules
from gitops.syncing.hook_objects import outcome, state_of
from gitops.syncing.hook_plan import PlannedHook

Verdict = Callable[[PlannedHook, Mapping[str, Any], Ending], HookError]

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedHook:
    """A hook whose object has been created; ``live`` is what the API server made of it."""

    hook: PlannedHook
    resource: ApiResource
    live: Mapping[str, Any] = field(hash=False)
    began: float

    @property
    def seconds(self) -> float:
        """How long ago it was created."""
        return time.monotonic() - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class HookResult:
    """How one hook ended; ``live`` is its object as it was seen last, None where there was none."""

    hook: PlannedHook
    seconds: float = 0.0
    live: Mapping[str, Any] | None = field(default=None, hash=False)
    resource: ApiResource | None = None
    error: HookError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What holds for all hooks of a sync.

    Args:
        subject: what errors call the Application.
        timeout: seconds a hook may take.
        rules: the user's own health scripts.
    """

    subject: str
    timeout: float
    rules: UserRules | None = None


async def wait_for(cluster: HookCluster, started: StartedHook, patience: Patience) -> HookResult:
    """Wait until a hook has ended.

    An API server that does not answer for a while is waited for, too: a hook may well restart it.
    A Job that removes itself the moment it ends (ttlSecondsAfterFinished) is not taken for one that
    was deleted by hand.

    Raises:
        ClusterError: the API server refuses to show the object.
    """
    pause = FIRST_PAUSE
    while (succeeded := await _outcome(started, patience)) is None:
        if _is_going(started.live):
            return _vanished(started, patience)
        if started.seconds > patience.timeout:
            return await _judged(cluster, started, hanging, patience)
        pause = await paused(pause)
        seen = await _look(cluster, started, patience)
        if seen is None:
            return _vanished(started, patience)
        started = replace(started, live=seen)
    if not succeeded:
        return await _judged(cluster, started, failed, patience)
    return _result(started)


async def paused(seconds: float) -> float:
    """Wait; how long to wait next time."""
    await asyncio.sleep(seconds)
    return min(seconds * 1.5, LONGEST_PAUSE)


async def _outcome(started: StartedHook, patience: Patience) -> bool | None:
    return await in_thread(outcome, started.live, patience.rules)


async def _look(
    cluster: HookCluster, started: StartedHook, patience: Patience
) -> Mapping[str, Any] | None:
    try:
        seen = await cluster.look(started.resource, started.live)
    except UnreachableError:
        return started.live
    except StatusError as error:
        if error.code < _SERVER_ERROR:
            raise
        return started.live
    if seen is not None:
        return seen
    for state in reversed(await cluster.states_since(started.resource, started.live)):
        if await in_thread(outcome, state, patience.rules) is not None:
            return state
    return None


def _is_going(live: Mapping[str, Any]) -> bool:
    return bool(live["metadata"].get("deletionTimestamp"))


def _vanished(started: StartedHook, patience: Patience) -> HookResult:
    ending = Ending(subject=patience.subject, seconds=started.seconds)
    return _result(started, vanished(started.hook, started.live, ending))


async def _judged(
    cluster: HookCluster, started: StartedHook, verdict: Verdict, patience: Patience
) -> HookResult:
    ending = Ending(
        subject=patience.subject,
        seconds=started.seconds,
        cause=(await in_thread(state_of, started.live, patience.rules)).message,
        last_words=await cluster.last_words(started.live),
    )
    return _result(started, verdict(started.hook, started.live, ending))


def _result(started: StartedHook, error: HookError | None = None) -> HookResult:
    return HookResult(
        hook=started.hook,
        seconds=started.seconds,
        live=started.live,
        resource=started.resource,
        error=error,
    )

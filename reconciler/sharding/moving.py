"""How do Applications get into the state of the shard they belong to?

Called by every pass and by `gitops up` before anything is synced. Where the division is not the one
the states were last arranged for, the first shard takes the leases of all others and moves what has
to move; the others wait until it has. Nothing in the cluster is touched by that but what is
remembered. See docs/adr/0013.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster import lease
from cluster.connection import Connection
from cluster.stack_cluster import connect_to
from cluster.stack_memory import read_memory, write_memory
from gitops.application import ApplicationSpec
from gitops.config import Settings
from gitops.deployment.inventory import from_export
from gitops.deployment.stack_names import (
    definitions_stack,
    main_stack,
    shard_index,
    shard_stack,
    shards_memory,
)
from gitops.discovery import discover
from gitops.sharding.arranging import arranged
from gitops.sharding.settings import Shards
from gitops.sharding.state import Document, emptied, resources
from reconciler.passes import processes
from reconciler.state import store

MEMORY = "division"
LEASE_SECONDS = 300.0
_AGAIN_SECONDS = 0.5


class NotArrangedError(lease.LeaseHeldError):
    """The first shard has to move something before this one may sync."""


def remembered(connection: Connection, settings: Settings, stack: str) -> str:
    """The division the states were last arranged for, in words.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    namespace = settings.bootstrap.namespace
    memory = read_memory(connection, namespace=namespace, stack=shards_memory(stack))
    return memory.get(MEMORY, str(Shards()))


def prepare(
    connection: Connection,
    settings: Settings,
    root: Path,
    stack: str,
    *,
    identity: str,
    force: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Mapping[str, tuple[int, int]]:
    """See to it that the states are arranged; the caller holds the lease of the stack.

    Args:
        connection: the cluster.
        settings: the stack's config.
        root: the project's folder.
        stack: the stack, or one of its shards.
        identity: who takes the leases.
        force: look at the states even if they are remembered to be arranged.
        check: raises where it is to end before it is done.

    Returns:
        The Applications that were moved, each with the shards it left and came to.

    Raises:
        NotArrangedError: that is for the first shard to do, and it has not.
        LeaseHeldError: another shard is being synced for too long.
        HomeOpsError: the states or the cluster cannot be read or written.
    """
    if not force and remembered(connection, settings, stack) == str(settings.shards):
        return {}
    if shard_index(stack):
        raise NotArrangedError(
            f"stack {stack}",
            f"the first shard has to arrange {settings.shards} shards first",
            remedy=f"wait for a pass of {main_stack(stack)}, or run `gitops shards arrange`",
        )
    numbers = existing(root, stack)
    others = {*numbers, *range(settings.shards.count)} - {0}
    with held(connection, settings, stack, others, identity=identity, check=check):
        moved = arrange(root, stack, settings, numbers=numbers)
        remember(connection, settings, stack)
    return moved


def remember(connection: Connection, settings: Settings, stack: str) -> None:
    """Write down that the states are arranged as the config says.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    write_memory(
        connection,
        {MEMORY: str(settings.shards)},
        namespace=settings.bootstrap.namespace,
        stack=shards_memory(stack),
    )


def arrange(
    root: Path, stack: str, settings: Settings, *, numbers: Sequence[int]
) -> Mapping[str, tuple[int, int]]:
    """Move Applications between states, so that each is where it has to be; what has arrived is
    written before anything is let go. Shards that are no more are removed.

    Args:
        root: the project's folder.
        stack: the main stack's name.
        settings: its config.
        numbers: the shards that have a state.

    Returns:
        The Applications that were moved, each with the shards it left and came to.

    Raises:
        EngineError: a state cannot be read or written.
        DiscoveryError: there is no tree to read.
    """
    if not settings.shards.divided and not any(numbers):
        return {}
    states = _states(root, stack, numbers)
    found = applications(root, settings, states.values())
    plan = arranged(_short(stack), found, states, settings.shards)
    for written in (plan.first, plan.then):
        for number, state in written.items():
            store.write(root, shard_stack(stack, number), state)
    for number in numbers:
        if number >= settings.shards.count:
            name = shard_stack(stack, number)
            state = plan.then.get(number, states[number])
            if resources(state):
                store.write(root, name, emptied(state))
            store.remove(root, name)
    return plan.moved


def existing(root: Path, stack: str) -> list[int]:
    """The numbers of the shards that have a state.

    Raises:
        EngineError: the backend cannot be asked.
    """
    names = store.stacks(root)
    short = _short(stack)
    shards = (each for each in names if shard_index(each) and main_stack(each) == short)
    return sorted({shard_index(each) for each in (*shards, *({short} & set(names)))})


def applications(
    root: Path, settings: Settings, states: Iterable[Document] = ()
) -> tuple[ApplicationSpec, ...]:
    """The Applications of a tree; those it cannot read are left out, and stay where they are.

    Args:
        root: the tree.
        settings: the stack's config.
        states: of all shards; they know what ApplicationSets have made earlier.

    Raises:
        DiscoveryError: there is no tree to read.
    """
    if settings.argocd is None:
        return discover(root, settings.application_sets).applications
    from gitops.argocd.set_policy import recalled
    from gitops.declared import in_git  # it renders, which most trees do not need

    made = {name: e for state in states for name, e in recalled(from_export(state)).items()}
    return in_git(settings, root=root, recall=lambda _: made)


def _states(root: Path, stack: str, numbers: Sequence[int]) -> dict[int, Document]:
    """The states; decrypted where not all have the same keys, as what moves is sealed with them."""
    found: dict[int, Document] = {
        number: store.read(root, shard_stack(stack, number)) for number in numbers
    }
    keys = [each.get("deployment", {}).get("secrets_providers") for each in found.values()]
    present = [each for each in keys if each]
    if all(each == present[0] for each in present):
        return found
    return {
        number: store.read(root, shard_stack(stack, number), show_secrets=True)
        for number in numbers
    }


@contextmanager
def held(
    connection: Connection,
    settings: Settings,
    stack: str,
    numbers: Iterable[int],
    *,
    identity: str,
    check: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the leases of shards, as soon as each is free.

    Args:
        connection: the cluster.
        settings: the stack's config.
        stack: the main stack's name.
        numbers: those of the shards.
        identity: who takes the leases.
        check: raises where it is to end before it is done.

    Raises:
        LeaseHeldError: a shard is being synced for too long.
        ClusterError: the server does not answer or refuses.
    """
    with ExitStack() as leases:
        for number in sorted(numbers):
            name = shard_stack(stack, number)
            leases.enter_context(_once_free(connection, settings, name, identity, check))
        yield


@contextmanager
def definitions_held(
    settings: Settings, stack: str, *, check: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lease of the stack that definitions are kept in, as soon as it is free: all shards
    have that one in common.

    Args:
        settings: the stack's config.
        stack: the shard that is synced; the process holds its lease.
        check: raises where it is to end before it is done.

    Raises:
        LeaseHeldError: another shard applies definitions for too long.
        ClusterError: the server does not answer or refuses.
    """
    identity = os.environ.get(lease.ENVIRONMENT, stack)
    name = definitions_stack(stack)
    with (
        connect_to(settings.kubernetes) as connection,
        _once_free(connection, settings, name, identity, check),
    ):
        yield


@contextmanager
def _once_free(
    connection: Connection,
    settings: Settings,
    stack: str,
    identity: str,
    check: Callable[[], None],
) -> Iterator[None]:
    deadline = time.monotonic() + LEASE_SECONDS
    with ExitStack() as taken:
        while True:
            check()
            try:
                taken.enter_context(
                    lease.held(
                        connection,
                        namespace=settings.bootstrap.namespace,
                        stack=stack,
                        identity=identity,
                        process=processes.own(),
                        has_ended=processes.has_ended,
                    )
                )
                break
            except lease.LeaseHeldError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_SECONDS)
        yield


def _short(stack: str) -> str:
    return stack.rpartition("/")[2]

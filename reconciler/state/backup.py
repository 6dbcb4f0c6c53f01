"""How is the state of a stack saved, with that of its definitions and shards, and put back?

Called by ``gitops state``. A backup holds what the engine knows and nothing that is in Git; what is
secret in it stays encrypted with the stack's own key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster import lease
from cluster.connection import Connection
from cluster.stack_memory import ensure_namespace, write_memory
from gitops.config import Settings
from gitops.deployment.stack_names import is_definitions_stack, main_stack, shard_index
from gitops.errors import ConfigError
from gitops.private_file import read_document, write_document
from reconciler.engine.failures import EngineError
from reconciler.sharding import moving
from reconciler.state import store

FORMAT = "home-ops state backup"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The states of a stack and of those that belong to it, by the names of the stacks."""

    stack: str
    taken: str
    states: Mapping[str, Mapping[str, Any]]


def take(root: Path, stack: str) -> Backup:
    """Read all states.

    Args:
        root: the project's folder.
        stack: the main stack's name.

    Raises:
        EngineError: a state cannot be read.
    """
    names = [each for each in store.stacks(root) if main_stack(each) == stack]
    if stack not in names:
        raise ConfigError(f"stack {stack}", "there is none", remedy="name another with --stack")
    return Backup(
        stack=stack,
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        states={name: store.read(root, name) for name in sorted(names)},
    )


def save(backup: Backup, file: Path) -> None:
    """Write a file only its owner can read; there must be none of that name.

    Raises:
        ConfigError: it cannot be written.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "stack": backup.stack,
        "taken": backup.taken,
        "states": backup.states,
    }
    write_document(file, content, remedy="name another file")


def load(file: Path) -> Backup:
    """Read a backup.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    remedy = "name a file that `gitops state backup` has written"
    content = read_document(file, expected=FORMAT, what="backup of states", remedy=remedy)
    if content.get("version") != VERSION:
        raise ConfigError(
            str(file), f"has version {content.get('version')}", remedy=f"write version {VERSION}"
        )
    return Backup(stack=content["stack"], taken=content["taken"], states=content["states"])


def restore(
    backup: Backup, connection: Connection, settings: Settings, root: Path, *, identity: str
) -> None:
    """Put the states back, each whole. The next pass runs everything: what has come since is taken
    over where it is, and what Git no longer has goes by the rules of any prune.

    Args:
        backup: the states.
        connection: the cluster, whose leases keep passes away meanwhile.
        settings: the stack's config.
        root: the project's folder.
        identity: who takes the leases.

    Raises:
        LeaseHeldError: a pass is being made.
        EngineError: a state cannot be written.
    """
    namespace, stack = settings.bootstrap.namespace, backup.stack
    ensure_namespace(connection, namespace)
    with lease.held(connection, namespace=namespace, stack=stack, identity=identity):
        numbers = {shard_index(name) for name in backup.states} | _numbers(root, stack, settings)
        with moving.held(connection, settings, stack, numbers - {0}, identity=identity):
            for name, state in backup.states.items():
                store.write(root, name, state)
                if not is_definitions_stack(name):
                    write_memory(connection, {}, namespace=namespace, stack=name)
            moving.arrange(root, stack, settings, numbers=moving.existing(root, stack))
            moving.remember(connection, settings, stack)


def _numbers(root: Path, stack: str, settings: Settings) -> set[int]:
    """The shards there are; those of the config where a state is damaged, for then the backend does
    not even say which stacks it has, and the backup is to put that right."""
    try:
        return set(moving.existing(root, stack))
    except EngineError:
        return set(range(settings.shards.count))

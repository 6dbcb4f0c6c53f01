"""Which fields does the stack's config ignore in all Applications?

Called by config with the value of ``resourceCustomizations``. Keys are those of ArgoCD's ConfigMap,
``resource.customizations.ignoreDifferences.<group>_<kind>``, whole, without their common beginning,
or as a mapping under ``ignoreDifferences`` (ArgoCD, "Diffing Customization").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.configuration.customizations import nested
from gitops.ignoring.rules import IgnoreRule, read_system

PREFIX = "resource.customizations."
DIFFERENCES, UPDATES = "ignoreDifferences", "ignoreResourceUpdates"


def read_customizations(values: Mapping[str, Any], *, subject: str) -> tuple[IgnoreRule, ...]:
    """The rules for all Applications.

    ``ignoreResourceUpdates`` is checked like the others and has no effect: nothing is watched.

    Args:
        values: what the schema of the config lets pass.
        subject: where it stands, for errors.

    Raises:
        ConfigError: as ``read_system``.
    """
    rules: list[IgnoreRule] = []
    for key, entry in _split(values, subject):
        name, _, objects = key.removeprefix(PREFIX).partition(".")
        where = f"{subject}.{name}"
        if name not in (DIFFERENCES, UPDATES):
            continue  # ``health`` and the like have readers of their own
        read = read_system({objects: entry} if objects else entry, subject=where)
        if name == DIFFERENCES:
            rules += read
    return tuple(rules)


def _split(values: Mapping[str, Any], subject: str) -> Iterator[tuple[str, Any]]:
    """All entries, those that stand under a ``<group>/<kind>`` as the others are written."""
    for pattern, entry in nested(values, subject=subject):
        objects = pattern.replace("/", "_")
        for name in (DIFFERENCES, UPDATES):
            if name in entry:
                yield f"{name}.{objects}", entry[name]
    for key, entry in values.items():
        if "/" not in key:
            yield key, entry

"""Which sync options does an Application set, and are they ones ArgoCD knows?

Called by config and discovery for ``syncPolicy.syncOptions`` (ArgoCD, "Sync Options").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gitops.configuration.suggestions import did_you_mean

_FLAG = ("true", "false")
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,5}")

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "ApplyOutOfSyncOnly": _FLAG,
    "ClientSideApplyMigration": _FLAG,
    "CreateNamespace": _FLAG,
    "Delete": (*_FLAG, "confirm"),
    "FailOnSharedResource": _FLAG,
    "Force": _FLAG,
    "Prune": (*_FLAG, "confirm"),
    "PruneLast": _FLAG,
    "PrunePropagationPolicy": ("foreground", "background", "orphan"),
    "Replace": _FLAG,
    "RespectIgnoreDifferences": _FLAG,
    "ServerSideApply": _FLAG,
    "SkipDryRunOnMissingResource": _FLAG,
    "Timeout": (),  # seconds
    "Validate": _FLAG,
}


def read(options: Iterable[str]) -> dict[str, str]:
    """The options by name.

    Raises:
        ValueError: an option is no ``Name=value``, not known, given twice, or has a wrong value;
            the text says which and what is allowed.
    """
    found: dict[str, str] = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator:
            raise ValueError(f'"{option}" is no Name=value such as "CreateNamespace=true"')
        if name not in ALLOWED:
            raise ValueError(
                f'sync option "{name}" is not known; use one of '
                f"{', '.join(ALLOWED)}{did_you_mean(name, ALLOWED)}"
            )
        _check_value(name, value)
        if found.setdefault(name, value) != value:
            raise ValueError(f'sync option "{name}" is set to both {found[name]} and {value}')
    return found


def _check_value(name: str, value: str) -> None:
    allowed = ALLOWED[name]
    if name == "Timeout":
        if not _WHOLE_NUMBER.fullmatch(value):
            raise ValueError(f'"Timeout={value}" is no number of seconds; write "Timeout=600"')
    elif value not in allowed:
        raise ValueError(f'"{name}={value}" has a wrong value; use one of {", ".join(allowed)}')

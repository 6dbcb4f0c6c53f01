"""Why did the engine not even start, and what can be done about it?

A table of what the engine is known to say; ``engine`` looks its last words up here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gitops.errors import HomeOpsError


class EngineError(HomeOpsError):
    """The engine could not run the program at all; ``killed`` where it did not end by itself."""

    killed = False


# What the engine's text matches, what it means, and the remedy.
KNOWN: Sequence[tuple[re.Pattern[str], str, str]] = (
    (
        re.compile(r"the stack is currently locked by|Another update is currently in progress"),
        "another run holds the stack's lock",
        "wait for it, or if it was killed run `pulumi cancel` and try again",
    ),
    (
        re.compile(r"incorrect passphrase"),
        "the passphrase does not fit the stack's secrets",
        "use the passphrase the stack was made with, or reset the local stack with `make down`",
    ),
    (
        re.compile(r"failed to load checkpoint|unexpected end of JSON input"),
        "the stack's state is damaged",
        "put a backup in its place with `gitops state restore FILE`, however old it is; without "
        "one remove the state with `pulumi stack rm --force --preserve-config` and run "
        "`gitops up`. Either way what is in the cluster is taken over as it is",
    ),
    (
        re.compile(r"passphrase must be set"),
        "no passphrase for the stack's secrets",
        'run eval "$(make env)", or set PULUMI_CONFIG_PASSPHRASE_FILE',
    ),
    (
        re.compile(r"no Pulumi\.yaml project file found|no Pulumi project found"),
        "no Pulumi.yaml in this folder or above it",
        "run gitops in the repository",
    ),
    (
        re.compile(r"error in project configuration|could not unmarshal|failed to load .*yaml"),
        "a project or stack file cannot be read",
        "correct the file the message names",
    ),
    (
        re.compile(r"PULUMI_ACCESS_TOKEN must be set|could not be logged in|not logged in"),
        "not logged in to the state backend",
        'run eval "$(make env)", or `pulumi login`',
    ),
    (
        re.compile(
            r"no resource plugin 'pulumi-resource-|failed to load plugin|Could not find.*plug"
        ),
        "a provider plugin is missing",
        'run `make toolchain` and eval "$(make env)"',
    ),
)
# What the Automation API and the command line put around the words themselves.
_DECORATION = re.compile(r"^\s*(code: -?\d+|stdout:|stderr:)?\s*(error:)?")
OTHERWISE = "run `pulumi up` by hand to see more"

# What it says when it could not write what it has done.
_STATE_LOST = re.compile(
    r"failed to save snapshot|saving (new )?snapshot|An IO error occurred|no space left on device|"
    r"file too large|disk quota exceeded"
)


def loses_state(text: str) -> bool:
    """Whether the engine's last words say that the state does not know all it has done."""
    return _STATE_LOST.search(text) is not None


def explain(text: str) -> tuple[str, str]:
    """The reason and the remedy for the engine's last words.

    What is not known is given as it is.
    """
    lines = [_DECORATION.sub("", line).strip() for line in text.splitlines()]
    words = [line for line in lines if line and not line.startswith("warning: ")]
    last = " ".join(words[-3:]) or "it failed without a word"
    for pattern, reason, remedy in KNOWN:
        if pattern.search(text):
            return f"{reason} ({last})", remedy
    return last, OTHERWISE

"""What does the exit code of ``gitops`` say? Read by every command; documented in docs/cli.md."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Scripts and the scheduled job rely on the numbers."""

    OK = 0
    FAILED = 1  # something is broken, or an object could not be applied
    USAGE = 2  # argparse's own code for a wrong command line
    UNHEALTHY = 3  # what was to be healthy, or gone, is not, or was not in time
    HELD = 4  # another run holds the stack's lease; nothing was done
    INTERRUPTED = 130  # as a shell reports SIGINT

    # `app diff` and `drift` end as `argocd app diff` and `kubectl diff` do, with these numbers
    DIFFERENT = 1
    TROUBLE = 2

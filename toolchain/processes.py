"""How does the toolchain start another program, and what does it report when that fails?

Called by the builds, the virtual environment and the checks of programs on PATH.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHOWN_LINES = 6


class ProcessError(Exception):
    """A program could not be started or ended badly; the text is the end of what it said."""


def output_of(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program to its end and return what it wrote to standard output.

    Raises:
        ProcessError: it cannot be started, takes longer than ``timeout`` seconds or fails.
    """
    name = Path(command[0]).name
    try:
        ended = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise ProcessError(f"{name} cannot be started ({error.strerror or error})") from error
    except subprocess.TimeoutExpired as error:
        raise ProcessError(f"{name} did not end within {timeout:g} s") from error
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith("go: downloading")]
        said = "; ".join(line.strip() for line in lines[-_SHOWN_LINES:]) or "it said nothing"
        raise ProcessError(f"{name} ended with code {ended.returncode}: {said}")
    return ended.stdout

"""What can be asked of the toolchain from a shell?

``install``, ``env``, ``list`` and ``image``; started by ``toolchain.__main__``.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from toolchain import store
from toolchain.environment import LOCAL, shell_text
from toolchain.errors import ToolchainError
from toolchain.image import assemble
from toolchain.install import install
from toolchain.pins import TOOLS


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code, 1 when something could not be had."""
    parser = argparse.ArgumentParser(
        prog="python3 -m toolchain", description="the tools home-ops uses"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    getting = commands.add_parser("install", help="get every tool and the virtual environment")
    getting.add_argument("--quiet", action="store_true", help="report failures only")
    printing = commands.add_parser("env", help="print what a shell needs to use them")
    printing.add_argument("--stack", default=LOCAL, help="the Pulumi stack (default: %(default)s)")
    commands.add_parser("list", help="print each tool, its version and where it is")
    imaging = commands.add_parser("image", help="make the file tree of the reconciler's image")
    imaging.add_argument("--into", type=Path, required=True, help="a folder that is not there yet")
    parsed = parser.parse_args(arguments)
    # ended politely or not, what was started is ended as well and nothing half-made remains
    signal.signal(signal.SIGTERM, _stop)
    try:
        if parsed.command == "install":
            return _install(quiet=parsed.quiet)
        if parsed.command == "image":
            assemble(parsed.into, progress=sys.stderr)
            return 0
        print(shell_text(parsed.stack) if parsed.command == "env" else _table(), end="")
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _install(*, quiet: bool) -> int:
    failures = install(progress=None if quiet else sys.stderr)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _table() -> str:
    links = store.links_directory()
    lines = []
    for tool in TOOLS:
        link = store.link(links, tool)
        where = os.path.realpath(link) if link.exists() else "not installed"
        lines.append(f"{tool.name:<28}{tool.version:<10}{where}\n")
    return "".join(lines)

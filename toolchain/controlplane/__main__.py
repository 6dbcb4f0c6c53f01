"""The command line of the embedded control plane: start, stop, status, reset, kubeconfig.

Run as ``python3 -m toolchain.controlplane``.
"""

from __future__ import annotations

import argparse
import sys
from enum import IntEnum
from pathlib import Path

from toolchain.controlplane import lifecycle
from toolchain.controlplane.layout import Layout
from toolchain.controlplane.state import Phase, Status
from toolchain.errors import ToolchainError
from toolchain.store import cluster_directory


class ExitCode(IntEnum):
    """What the command says to the shell; ``status`` follows the init script convention."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3


def main(arguments: list[str] | None = None) -> ExitCode:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        directory = (options.directory or cluster_directory(options.name)).absolute()
        return _run(options, directory)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return ExitCode.FAILED


def _run(options: argparse.Namespace, directory: Path) -> ExitCode:
    match options.command:
        case "start" | "reset":
            return _start(options, directory)
        case "stop":
            was_running = lifecycle.stop(directory)
            print(f"{directory.name}: {'stopped' if was_running else 'was not running'}")
            return ExitCode.OK
        case "kubeconfig":
            print(Layout(directory).kubeconfig)
            return ExitCode.OK
        case _:
            return _print_status(directory.name, lifecycle.status(directory))


def _start(options: argparse.Namespace, directory: Path) -> ExitCode:
    act = lifecycle.reset if options.command == "reset" else lifecycle.start
    plane = act(
        directory,
        nodes=options.nodes,
        owner_pid=options.owner_pid,
        idle_seconds=options.idle,
        tools=[options.tools] if options.tools else [],
    )
    took = lifecycle.status(directory).ready_after
    how = "was already running" if plane.was_running else f"ready after {took:.1f} s"
    print(f"{directory.name}: {how}, {plane.server}\nexport KUBECONFIG={plane.kubeconfig}")
    return ExitCode.OK


def _print_status(name: str, current: Status) -> ExitCode:
    print(f"{name}: {current.phase}" + (f": {current.reason}" if current.reason else ""))
    if current.pid is not None:
        print(f"server      {current.server}")
        print(f"uptime      {current.uptime:.0f} s (ready after {current.ready_after:.1f} s)")
        for component, pid in {"supervisor": current.pid, **current.components}.items():
            print(f"{component:<24}pid {pid}")
    return ExitCode.OK if current.phase is Phase.RUNNING else ExitCode.NOT_RUNNING


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m toolchain.controlplane", description="An API server for this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "start": "start it, or say that it runs",
        "reset": "forget every object and start it",
        "stop": "stop it; its objects are kept",
        "status": "say whether it runs; exit code 3 if not",
        "kubeconfig": "print where its kubeconfig is",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        where = command.add_mutually_exclusive_group()
        where.add_argument("--name", help="which one (default: that of this checkout)")
        where.add_argument("--directory", type=Path, help="where it keeps its things")
        if name in ("start", "reset"):
            command.add_argument("--nodes", type=int, default=lifecycle.DEFAULT_NODES)
            command.add_argument("--owner-pid", type=int, help="end when this process ends")
            command.add_argument("--idle", type=float, help="end after so many unused seconds")
            command.add_argument("--tools", type=Path, help="folder with its programs")
    return parser


if __name__ == "__main__":
    sys.exit(main())

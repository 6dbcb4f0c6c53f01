"""What does ``gitops health -f FILE`` do?

Called by the command line. It judges objects as ``kubectl get -o yaml`` prints them, with nothing
but the file: a message names what is below an object, or was reported about it, where the file has
that too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops.errors import ManifestError
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from gitops.health.user_rules import UserRule
    from gitops.status.resource import ResourceStatus

OUTPUTS = ("wide", "json", "yaml", "name")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``health`` to the command line."""
    parser = verbs.add_parser(
        "health", help="judge objects in a file, such as `kubectl get -o yaml` prints"
    )
    parser.add_argument(
        "--filename", "-f", required=True, metavar="FILE", help="the file; - for standard input"
    )
    parser.add_argument(
        "--stack",
        help="apply this stack's resourceCustomizations as well (default: only our own rules)",
    )
    parser.add_argument("--output", "-o", choices=OUTPUTS, default="table", help="another form")
    parser.set_defaults(command=show_health)


def show_health(options: argparse.Namespace) -> ExitCode:
    """``gitops health``."""
    from gitops.objects.manifest import load_yaml
    from gitops.status.causes import FINE
    from reconciler.printing import status
    from reconciler.printing.status_data import resource_data

    source = "standard input" if options.filename == "-" else options.filename
    bodies = load_yaml(_content(options.filename, source), source=source)
    if not bodies:
        print("no objects found", file=sys.stderr)
    found = judge(bodies, _rules(options.stack))
    output = status.Output(options.output)
    match output:
        case status.Output.NAME:
            for each in found:
                group = f".{each.key.group}" if each.key.group else ""
                print(f"{each.key.kind.lower()}{group}/{each.key.name}")
        case status.Output.JSON | status.Output.YAML:
            data = [resource_data(each) for each in found]
            status.document(data, output, stream=sys.stdout)
        case _:
            wide = output is status.Output.WIDE
            status.resources(found, wide=wide)
    if all(each.health.status in FINE for each in found):
        return ExitCode.OK
    return ExitCode.UNHEALTHY


def judge(bodies: Sequence[Mapping[str, Any]], rules: Sequence[UserRule]) -> list[ResourceStatus]:
    """The health of objects, in their order; events among them only explain the others."""
    from dataclasses import replace

    from gitops.health import UserRules, assess_all
    from gitops.status.family import family
    from gitops.status.resource import resource_status

    objects = [body for body in bodies if body.get("kind") != "Event"]
    events = [body for body in bodies if body.get("kind") == "Event"]
    with UserRules(rules) as scripts:
        healths = assess_all(objects, rules=scripts)
    judged = {id(body): health for body, health in zip(objects, healths, strict=True)}
    known = family(objects, events)
    return [
        replace(
            resource_status(body, health, known, assess=lambda live: judged[id(live)]),
            children=(),  # they stand in the file, so in the result, themselves
        )
        for body, health in zip(objects, healths, strict=True)
    ]


def _rules(stack: str | None) -> Sequence[UserRule]:
    if stack is None:
        return ()
    from reconciler.commands.project import find_root, stack_settings

    return stack_settings(find_root(Path.cwd()), stack).health_rules


def _content(name: str, source: str) -> bytes:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ManifestError(
            source,
            f"cannot be read ({error.strerror})",
            remedy="name a file, or - for standard input",
        ) from error
    if not content.strip():  # such as a `kubectl get` leaves that failed
        raise ManifestError(
            source, "is empty", remedy="give it objects, such as `kubectl get -o yaml` prints"
        )
    return content

"""What does Pulumi cost where nothing of ours takes part? One ConfigMap, changed, in the same
cluster.

Called beside rows that are about memory: engine, provider and a program of three lines need this
much, whoever starts them.
"""

from __future__ import annotations

import json

from benchmarks.checkout import Checkout
from benchmarks.commits import sample_of
from benchmarks.measuring import Run
from benchmarks.report import Sample

_STACK = "bare"
_PROJECT = {"name": _STACK, "runtime": "python"}
_PROGRAM = """\
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
ConfigMap("one", metadata={"name": "bare"}, data={"at": pulumi.Config().require("at")})
"""


class Bare:
    """A Pulumi program in the cluster of a working copy, whose tree has no part in it.

    Args:
        checkout: the working copy.
    """

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._folder = checkout.directory / _STACK
        self._changes = 0
        self._folder.mkdir()
        for name, text in (("Pulumi.yaml", json.dumps(_PROJECT)), ("__main__.py", _PROGRAM)):
            (self._folder / name).write_text(text, encoding="utf-8")
        self._pulumi("stack", "init", _STACK)

    def changed(self) -> Sample:
        """``pulumi up`` of a change."""
        self._changes += 1
        self._pulumi("config", "set", "at", str(self._changes), "--stack", _STACK)
        return sample_of(self._pulumi("up", "--yes", "--skip-preview", "--stack", _STACK))

    def _pulumi(self, *arguments: str) -> Run:
        where = ("--cwd", str(self._folder), "--non-interactive")
        return self._checkout.run("pulumi", *where, *arguments)

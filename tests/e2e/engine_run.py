"""What did one run of Pulumi do? Read from the engine's own event log; made by ``checkout``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPLACING = ("replace", "create-replacement", "delete-replaced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the engine: what it did to which resource."""

    action: str
    urn: str

    @property
    def type(self) -> str:
        """The resource's own type, without its parents'."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's logical name, for an object ``<namespace>/<name>``."""
        return self.urn.split("::", 3)[3]

    @property
    def of_object(self) -> bool:
        """Whether the resource is an object in the cluster."""
        return self.type.startswith("kubernetes:")

    def __str__(self) -> str:
        return f"{self.action} {self.type.removeprefix('kubernetes:')} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRun:
    """The outcome of one ``pulumi`` command, and its steps where it has a log of them."""

    exit_code: int
    output: str
    seconds: float
    steps: tuple[Step, ...] = ()

    @property
    def created(self) -> list[str]:
        """The objects that were created, as kind and name."""
        return self.objects("create")

    @property
    def updated(self) -> list[str]:
        """The objects that were updated."""
        return self.objects("update")

    @property
    def deleted(self) -> list[str]:
        """The objects that left the state; with a keep rule they are still in the cluster."""
        return self.objects("delete")

    @property
    def same(self) -> list[str]:
        """The objects with nothing to do."""
        return self.objects("same")

    @property
    def replaced(self) -> list[str]:
        """The objects that were deleted and created again."""
        return sorted(set(self.objects(*REPLACING)))

    @property
    def changes(self) -> list[str]:
        """Every step that was something to do, components included."""
        return [str(step) for step in self.steps if step.action not in ("same", "read")]

    def objects(self, *actions: str) -> list[str]:
        """Kind and name of the objects with one of these actions."""
        return sorted(
            f"{step.type.rpartition(':')[2]} {step.name}"
            for step in self.steps
            if step.of_object and step.action in actions
        )

    def messages(self, subject: str) -> list[str]:
        """The lines of the output that start with a subject and a colon."""
        lines = (line.strip().removeprefix("error: ") for line in self.output.splitlines())
        return [line for line in dict.fromkeys(lines) if line.startswith(f"{subject}:")]

    def succeeded(self) -> EngineRun:
        """The run itself, proved to have ended well."""
        assert self.exit_code == 0, self.output
        return self

    def failed(self) -> EngineRun:
        """The run itself, proved to have ended with an exit code that says so."""
        assert self.exit_code != 0, self.output
        assert "Traceback" not in self.output, self.output
        return self


def read_steps(log: Path) -> tuple[Step, ...]:
    """The steps in an event log: those that were carried out, or in a preview those planned."""
    return tuple(_steps(log)) if log.exists() else ()


def _steps(log: Path) -> Iterator[Step]:
    for line in log.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        found = event.get("resOutputsEvent")
        if found:
            yield Step(action=found["metadata"]["op"], urn=found["metadata"]["urn"])

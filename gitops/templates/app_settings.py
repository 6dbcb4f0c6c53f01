"""What does an Application's own settings file say?

``.home-ops.yaml`` in an Application's directory is optional and never applied as a manifest. Called
by discovery.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops import yaml_reader
from gitops.application import Commands
from gitops.configuration import schema
from gitops.errors import ConfigError
from gitops.gate.settings import read_confirmations

FILE = ".home-ops.yaml"

_COMMANDS = {
    "type": "array",
    "items": {"type": "string", "pattern": r"\S", "description": "a command line"},
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "commands": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"before": _COMMANDS, "after": _COMMANDS},
        },
        "confirm": {
            "type": "array",
            "items": {"type": "string", "description": "the token a stopped run printed"},
        },
        "dependsOn": {
            "type": "array",
            "items": {
                "type": "string",
                "pattern": r"\S",
                "description": "an Application: its category/app, or its name",
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """What a settings file says: commands around the sync, Applications to wait for, and deletions
    that are confirmed."""

    commands: Commands = field(default_factory=Commands)
    depends_on: tuple[str, ...] = ()
    confirm: frozenset[str] = frozenset()


def parse(text: str | bytes, *, path: str) -> AppSettings:
    """Read a settings file.

    Args:
        text: the file.
        path: the Application's directory; errors name the file in it.

    Raises:
        ConfigError: an unknown key, a wrong type, or a confirmation that is no token.
        ManifestError: the file is no YAML.
    """
    source = f"{path}/{FILE}"
    documents = yaml_reader.load(text, source=source)
    if len(documents) > 1:
        raise ConfigError(source, "it has more than one document", remedy="keep one")
    settings = documents[0] if documents and documents[0] is not None else {}
    for problem in schema.problems(settings, SCHEMA):
        where = f"{problem.path} " if problem.path else ""
        raise ConfigError(source, f"{where}{problem.reason}", remedy=problem.remedy)
    commands = settings.get("commands", {})
    return AppSettings(
        commands=Commands(
            before=tuple(commands.get("before", ())), after=tuple(commands.get("after", ()))
        ),
        depends_on=tuple(settings.get("dependsOn", ())),
        confirm=read_confirmations(settings.get("confirm", ()), subject=f"{source} confirm"),
    )

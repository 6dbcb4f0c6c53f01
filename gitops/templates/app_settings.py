"""What does an Application's own settings file say?

``.home-ops.yaml`` in an Application's directory is optional and never applied as a manifest. Called
by discovery.
"""

from __future__ import annotations

from gitops import yaml_reader
from gitops.application import Commands
from gitops.configuration import schema
from gitops.errors import ConfigError

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
        }
    },
}


def parse(text: str | bytes, *, path: str) -> Commands:
    """The local commands to run before and after the Application's sync.

    Args:
        text: the file.
        path: the Application's directory; errors name the file in it.

    Raises:
        ConfigError: an unknown key, or a wrong type.
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
    return Commands(
        before=tuple(commands.get("before", ())), after=tuple(commands.get("after", ()))
    )

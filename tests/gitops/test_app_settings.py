"""An Application's own settings file."""

from __future__ import annotations

import pytest

from gitops.application import Commands
from gitops.errors import ConfigError, ManifestError
from gitops.templates import app_settings


def test_commands() -> None:
    """Commands to run before and after the sync are read in order."""
    text = "commands:\n  before: [./backup.sh, echo two]\n  after:\n    - curl -f http://x\n"
    assert app_settings.parse(text, path="apps/media/x").commands == Commands(
        before=("./backup.sh", "echo two"), after=("curl -f http://x",)
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "{}", "commands: {}", "commands:\n  before: []"]
)
def test_nothing_to_run(text: str) -> None:
    """A file that sets nothing is the same as no file."""
    assert app_settings.parse(text, path="apps/media/x") == app_settings.AppSettings()


def test_confirm() -> None:
    """The tokens of confirmed deletions are read; a word that confirms everything is refused."""
    found = app_settings.parse("confirm: [prune-0123456789abcdef]", path="apps/media/x")
    assert found.confirm == {"prune-0123456789abcdef"}
    with pytest.raises(ConfigError, match="'everything' confirms no deletion"):
        app_settings.parse("confirm: [everything]", path="apps/media/x")


def test_what_to_wait_for() -> None:
    """Applications to wait for are read in order."""
    found = app_settings.parse("dependsOn: [databases/postgres, dns]", path="apps/media/x")
    assert found.depends_on == ("databases/postgres", "dns")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "command: {}",
            "command there is no such key; use one of commands, confirm, dependsOn; "
            'did you mean "commands"?',
        ),
        ("commands: {befor: []}", 'commands.befor there is no such key; .* did you mean "before"?'),
        ("commands: {before: ls}", "commands.before is 'ls'; write a list"),
        ("commands: {before: [yes]}", r"commands.before\[0\] is true; write a command line"),
        ("commands: {before: ['']}", r"commands.before\[0\] is ''; write a command line"),
        ("dependsOn: dns", "dependsOn is 'dns'; write a list"),
        ("dependsOn: [1]", r"dependsOn\[0\] is .1.; write an Application: its category/app"),
        ("- a", "is a list; write a mapping"),
        ("{}\n---\n{}\n", "more than one document"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    """A wrong key or type is refused with the file, the key and what is allowed."""
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")) as caught:
        app_settings.parse(text, path="apps/media/x")
    assert caught.value.subject == "apps/media/x/.home-ops.yaml"


def test_broken_yaml() -> None:
    """Broken YAML is refused with file and line."""
    with pytest.raises(ManifestError, match=r"^apps/media/x/\.home-ops\.yaml:2: "):
        app_settings.parse("a: 1\na: 2", path="apps/media/x")

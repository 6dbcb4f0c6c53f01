"""What does this stack's config say?

Read once, by the composition root. All keys of the project's namespace are read, so that a wrong
key is an error and not silence.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pulumi

from gitops.config import Settings, parse
from gitops.deployment.stack_file import stack_values
from gitops.deployment.stack_names import main_stack
from gitops.errors import ConfigError
from gitops.gate.settings import ENVIRONMENT, read_confirmations

CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"


def stack_settings(root: Path) -> Settings:
    """The checked config of the current stack.

    Raises:
        ConfigError: a key or value is wrong; the message names it and what is allowed.
    """
    _refuse_outdated_copy(root)
    prefix = f"{pulumi.get_project()}:"
    values = {
        key.removeprefix(prefix): value
        for key, value in pulumi.runtime.get_config_env().items()
        if key.startswith(prefix)
    }
    stack = pulumi.get_stack()
    if main_stack(stack) != stack and "cluster" not in values:  # it has that of the main stack
        values = stack_values(root, main_stack(stack))
    return _with_confirmations(parse(values))


def _with_confirmations(settings: Settings) -> Settings:
    # for one run, where the config's are for every run until they fit nothing any more
    given = read_confirmations(os.environ.get(ENVIRONMENT, ""), subject=ENVIRONMENT)
    return replace(settings, confirm=settings.confirm | given)


def _refuse_outdated_copy(root: Path) -> None:
    # `make env` points the engine at a copy of the local stack's file, made when it ran
    copy = os.environ.get(CONFIG_FILE)
    original = root / f"Pulumi.{pulumi.get_stack()}.yaml"
    if not copy or Path(copy).name != original.name or not original.exists():
        return
    text = original.read_text(encoding="utf-8").rstrip("\n")
    if not Path(copy).read_text(encoding="utf-8").startswith(text):
        raise ConfigError(
            original.name,
            "it has changed since this environment was made",
            remedy='run eval "$(make env)" again',
        )

"""What does this stack's config say?

Read once, by the composition root. All keys of the project's namespace are read, so that a wrong
key is an error and not silence.
"""

from __future__ import annotations

import pulumi

from gitops.config import Settings, parse


def stack_settings() -> Settings:
    """The checked config of the current stack.

    Raises:
        ConfigError: a key or value is wrong; the message names it and what is allowed.
    """
    prefix = f"{pulumi.get_project()}:"
    values = {
        key.removeprefix(prefix): value
        for key, value in pulumi.runtime.get_config_env().items()
        if key.startswith(prefix)
    }
    return parse(values)

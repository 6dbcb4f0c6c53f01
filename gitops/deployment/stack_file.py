"""What does the file of a stack say?

Called where the engine is not there to ask, and for a stack that has no file of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gitops.config import NAMESPACE
from gitops.errors import ConfigError


def stack_values(root: Path, stack: str) -> dict[str, Any]:
    """The config keys of namespace ``home-ops`` without it, as the stack's file has them.

    Args:
        root: the project's folder.
        stack: the stack's name.

    Raises:
        ConfigError: the file is missing, or is no YAML.
    """
    file = root / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            file.name, f"cannot be read ({error})", remedy="name a stack that has a file"
        ) from error
    values: dict[str, Any] = (content or {}).get("config") or {}
    prefix = f"{NAMESPACE}:"
    return {
        key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)
    }

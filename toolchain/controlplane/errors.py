"""What a refusal of the control plane looks like: subject, reason, remedy.

Called by every module of this package.
"""

from __future__ import annotations

from toolchain.errors import ToolchainError


class ControlPlaneError(ToolchainError):
    """The control plane cannot do what was asked; the subject is its name, a tool or a folder."""


class ApiError(Exception):
    """The API server answered with something other than success.

    Args:
        status: the HTTP status.
        message: what the API server said about it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message

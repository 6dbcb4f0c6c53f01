"""What does a refusal of the toolchain look like?

Subject first, then the reason, then the remedy, as everywhere in home-ops; the toolchain has its
own class because it must run before the other packages can be imported.
"""

from __future__ import annotations


class ToolchainError(Exception):
    """A tool, the virtual environment or a folder of them cannot be had.

    Args:
        subject: what cannot be had, such as ``kustomize 5.8.1``.
        reason: why.
        remedy: what the reader can do about it.
    """

    def __init__(self, subject: str, reason: str, *, remedy: str) -> None:
        super().__init__(subject, reason, remedy)
        self.subject = subject
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}; {self.remedy}"


class NotAvailableError(Exception):
    """One way to get a tool leads nowhere on this machine; the next one is tried."""

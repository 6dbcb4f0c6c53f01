"""What every refusal looks like: subject first, then the reason, then the remedy.

Called by every layer. An error names the Application, object, file or key it is about, so that a
list of them reads like a list of things to do.
"""

from __future__ import annotations


class HomeOpsError(Exception):
    """Base of every error a user can cause and repair.

    Args:
        subject: what the error is about, such as ``media/jellyfin`` or ``config home-ops:cluster``.
        reason: what is wrong with it.
        remedy: what the reader can do about it.
    """

    def __init__(self, subject: str, reason: str, *, remedy: str) -> None:
        super().__init__(subject, reason, remedy)
        self.subject = subject
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}; {self.remedy}"


class ConfigError(HomeOpsError):
    """The stack's config has a wrong key, type or value."""


class ManifestError(HomeOpsError):
    """A document is no Kubernetes object, or the API server could never accept it."""


class DiscoveryError(HomeOpsError):
    """A directory cannot become an Application."""


class RenderError(HomeOpsError):
    """An Application's source cannot be turned into manifests."""


class ChartError(HomeOpsError):
    """A chart cannot be pulled, or is not the one that was locked."""


class ProjectError(HomeOpsError):
    """An AppProject does not permit what an Application asks for."""


class OwnershipError(HomeOpsError):
    """Two Applications claim the same object."""


class OrderError(HomeOpsError):
    """What has to come first is missing, broken or not healthy."""


class ClusterError(HomeOpsError):
    """The API server cannot be reached or refused a request."""


class ToolError(HomeOpsError):
    """A program this one needs is missing or failed."""


class HookError(HomeOpsError):
    """A hook of an Application failed, hangs or could not be run; ``details`` are the lines it said
    last."""

    def __init__(
        self, subject: str, reason: str, *, remedy: str, details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(subject, reason, remedy=remedy)
        self.details = details

    def __str__(self) -> str:
        """The details stand between reason and remedy."""
        if not self.details:
            return super().__str__()
        told = "\n".join(f"    {line}" for line in self.details)
        return f"{self.subject}: {self.reason}:\n{told}\n  {self.remedy}"

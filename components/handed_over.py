"""Has somebody decided already what this run declares?

Called by the composition root. A reconciler hands over the part of a run that is to be synced; the
program then declares that and nothing else, and leaves everything else as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pulumi

from components.live_cluster import cluster_when_needed
from components.parts import declare_part, refused
from gitops.config import Settings
from gitops.deployment.handover import ENVIRONMENT, read
from gitops.deployment.part import Part


def handed_over(root: Path, stack: str) -> Part | None:
    """The part to declare; None in every run that nobody has decided before.

    Raises:
        HandoverError: what is handed over is not meant for this run.
    """
    file = os.environ.get(ENVIRONMENT)
    return read(Path(file), stack=stack, root=root) if file else None


async def declare_handed_over(
    part: Part, settings: Settings, provider: pulumi.ProviderResource
) -> None:
    """Register a part of a run; the targets of the update must be exactly what it holds.

    Raises:
        pulumi.RunError: something could not be synced; nothing is deleted then.
    """
    options = pulumi.ResourceOptions(providers=[provider])
    failed = await declare_part(part, settings, cluster_when_needed(settings), options)
    if failed:
        raise refused(failed, "Applications/Application")

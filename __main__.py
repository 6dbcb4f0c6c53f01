"""Config, bootstrap, Applications: what `pulumi preview` and `pulumi up` run."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components.handed_over import declare_handed_over, handed_over
from components.interruption import end_quietly
from components.provider import cluster_provider
from components.sdk_costs import registrations_begun, spare_sdk_costs
from components.settings import stack_settings
from gitops.errors import HomeOpsError


async def main() -> None:
    """Declare what Git holds; every error a user can repair ends the run as one message."""
    spare_sdk_costs()
    end_quietly()
    root = Path(__file__).resolve().parent
    stack = pulumi.get_stack()
    try:
        settings = stack_settings(root)
        part = handed_over(root, stack)
        if part is None:
            from components.program import declare  # a part that is handed over needs none of it
            from components.whole_run import decide_all

            run, cluster = decide_all(settings, root=root, stack=stack)
            declaring = declare(run, cluster, cluster_provider(settings))
        else:
            declaring = declare_handed_over(part, settings, cluster_provider(settings))
        await declaring
    except HomeOpsError as error:
        raise pulumi.RunError(str(error)) from error
    finally:
        await registrations_begun()


pulumi.run(main)

"""What does ``gitops reconcile --trigger`` do, and how does a loop learn of it?

Called by ``reconcile``. Whoever makes the passes is asked for one more: the CronJob in the
cluster, or a loop wherever it runs.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gitops.configuration.deploy_settings import Mode
from gitops.errors import ClusterError
from reconciler.commands.exit_codes import ExitCode

LOOK_SECONDS = 5.0


def trigger(options: argparse.Namespace) -> ExitCode:
    """Ask for a pass.

    Raises:
        ConfigError: there is no stack's file at hand.
        ClusterError: the cluster does not answer or refuses.
    """
    from cluster.stack_cluster import connect_to
    from reconciler.commands.project import find_root, stack_settings
    from reconciler.commands.webhook import request

    settings = stack_settings(find_root(Path.cwd()), options.stack)
    deploy = settings.reconciler.deploy
    mode = deploy.mode if deploy else Mode.DEPLOYMENT
    with connect_to(settings.kubernetes) as connection:
        request(connection, settings.bootstrap.namespace, options.stack, mode)
    return ExitCode.OK


class Waking:
    """Ends a pause where somebody asks for a pass.

    Args:
        asked: what was asked for last; another text than before is a new wish.
    """

    def __init__(self, asked: Callable[[], str]) -> None:
        self._asked = asked
        self._known = ""

    def begin(self) -> None:
        """A pass begins: it answers whatever was asked for until now."""
        self._known = self._look() or self._known

    def wait(self, ended: threading.Event, seconds: float) -> bool:
        """Wait until the end has come, somebody asks for a pass, or the time is over.

        Args:
            ended: set when the end has come.
            seconds: the time.

        Returns:
            Whether the end has come.
        """
        until = time.monotonic() + seconds
        while not ended.is_set() and (left := until - time.monotonic()) > 0:
            if (found := self._look()) and found != self._known:
                break
            ended.wait(min(left, LOOK_SECONDS))
        return ended.is_set()

    def _look(self) -> str:
        try:
            return self._asked()
        except ClusterError:
            return ""  # the next pass says what is wrong

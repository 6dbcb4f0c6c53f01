"""How often does a reconciler look, and how often does it run everything?

Read by ``gitops.config`` from ``home-ops:reconciler``; used by the pass and its loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gitops.configuration import deploy_settings
from gitops.configuration.deploy_settings import DeploySettings
from gitops.errors import ConfigError
from gitops.policy import durations


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerSettings:
    """The time from one pass of `gitops reconcile --loop` to the next (ArgoCD:
    ``timeout.reconciliation``), and after how long a pass runs everything the program declares;
    never for that reason where it is no time at all. ``deploy`` is how it runs in the cluster
    itself; None where it does not."""

    interval: timedelta = timedelta(minutes=3)
    full_run_every: timedelta = timedelta(hours=6)
    deploy: DeploySettings | None = None


def read(values: Mapping[str, Any], *, subject: str) -> ReconcilerSettings:
    """The settings as the config has them; their schema has been checked.

    Raises:
        ConfigError: a duration is none, the interval is no time at all, or what is to be deployed
            is wrong.
    """
    default = ReconcilerSettings()
    found = {"interval": default.interval, "fullRunEvery": default.full_run_every}
    for name, text in values.items():
        if name == "deploy":
            continue
        try:
            found[name] = durations.parse(text)
        except ValueError as error:
            raise ConfigError(f"{subject}.{name}", str(error), remedy="correct it") from error
    if not found["interval"]:
        remedy = "write a duration such as 3m"
        raise ConfigError(f"{subject}.interval", "is no time at all", remedy=remedy)
    deploy = values.get("deploy")
    return ReconcilerSettings(
        interval=found["interval"],
        full_run_every=found["fullRunEvery"],
        deploy=deploy_settings.read(deploy, subject=f"{subject}.deploy") if deploy else None,
    )

"""How does a reconciler run in the cluster itself?

Read by ``reconciler_settings`` from ``home-ops:reconciler.deploy``; the objects it leads to are
made in ``gitops.in_cluster``. Without the key nothing is deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from gitops.errors import ConfigError
from gitops.policy import cron, durations

PORT = 8080
_RESOURCES: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "100m", "memory": "512Mi"},
    "limits": {"memory": "2Gi"},
}
_WEBHOOK_RESOURCES: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "10m", "memory": "64Mi"},
    "limits": {"memory": "128Mi"},
}


class Mode(StrEnum):
    """What makes the passes."""

    CRON_JOB = "CronJob"
    """A Job for each pass; the next one has the image of that moment."""
    DEPLOYMENT = "Deployment"
    """One Pod that goes on making passes."""


class RightsPolicy(StrEnum):
    """What the reconciler may do."""

    DERIVED = "Derived"
    """What the Applications contain makes necessary; more of it is granted by a person's run."""
    ALL = "All"
    """Everything, as ArgoCD's controller may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """The receiver of a forge's deliveries: which forge, and which key of which Secret it shares a
    secret in."""

    forge: str
    secret: str
    key: str = "secret"
    replicas: int = 1
    resources: Mapping[str, Any] = field(default_factory=lambda: dict(_WEBHOOK_RESOURCES))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySettings:
    """The reconciler in the cluster.

    ``environment`` are Secrets whose keys become environment variables (the state's backend and
    passphrase, chart credentials); ``git`` is one that logs in to the repository. ``claim`` is a
    PersistentVolumeClaim for the caches, ``state`` one for a state in files. ``egress_ports`` are
    those of the network policy beside DNS, HTTPS, SSH and the API server.
    """

    image: str
    mode: Mode = Mode.CRON_JOB
    schedule: str = ""
    timeout: timedelta = timedelta(hours=1)
    rights: RightsPolicy = RightsPolicy.DERIVED
    backend: str = ""
    environment: tuple[str, ...] = ()
    git: str = ""
    pull_secrets: tuple[str, ...] = ()
    resources: Mapping[str, Any] = field(default_factory=lambda: dict(_RESOURCES))
    claim: str = ""
    state: str = ""
    network_policy: bool = True
    egress_ports: tuple[int, ...] = ()
    webhook: WebhookSettings | None = None


def read(values: Mapping[str, Any], *, subject: str) -> DeploySettings:
    """The settings as the config has them; their schema has been checked.

    Raises:
        ConfigError: the image is named by nothing that stays, the schedule or timeout is none, or
            two settings contradict each other.
    """
    image = values["image"]
    if "@sha256:" not in image and image.rpartition("/")[2].partition(":")[2] in ("", "latest"):
        raise ConfigError(
            f"{subject}.image",
            f"{image!r} may be another image tomorrow",
            remedy="name it by its digest (@sha256:...), or by the tag of a release",
        )
    settings = DeploySettings(
        image=image,
        mode=Mode(values.get("mode", Mode.CRON_JOB)),
        schedule=values.get("schedule", ""),
        timeout=_timeout(values.get("timeout", "1h"), subject=subject),
        rights=RightsPolicy(values.get("rights", RightsPolicy.DERIVED)),
        backend=values.get("backend", ""),
        environment=tuple(values.get("environment", ())),
        git=values.get("git", ""),
        pull_secrets=tuple(values.get("imagePullSecrets", ())),
        resources=values.get("resources", _RESOURCES),
        claim=values.get("claim", ""),
        state=values.get("state", ""),
        network_policy=values.get("networkPolicy", True),
        egress_ports=tuple(values.get("egressPorts", ())),
        webhook=_webhook(values.get("webhook")),
    )
    _check(settings, subject=subject)
    return settings


def _timeout(text: str, *, subject: str) -> timedelta:
    try:
        found = durations.parse(text)
    except ValueError as error:
        raise ConfigError(f"{subject}.timeout", str(error), remedy="correct it") from error
    if found < timedelta(minutes=1):
        remedy = "write a minute or more; a first sync takes several"
        raise ConfigError(f"{subject}.timeout", f"{text!r} is too short for a pass", remedy=remedy)
    return found


def _webhook(values: Mapping[str, Any] | None) -> WebhookSettings | None:
    if values is None:
        return None
    return WebhookSettings(
        forge=values["forge"],
        secret=values["secret"],
        key=values.get("key", "secret"),
        replicas=values.get("replicas", 1),
        resources=values.get("resources", _WEBHOOK_RESOURCES),
    )


def _check(settings: DeploySettings, *, subject: str) -> None:
    if settings.schedule:
        try:
            cron.check(settings.schedule)
        except ValueError as error:
            remedy = 'write five fields such as "*/3 * * * *"'
            raise ConfigError(f"{subject}.schedule", str(error), remedy=remedy) from error
    if settings.schedule and settings.mode is not Mode.CRON_JOB:
        raise ConfigError(
            f"{subject}.schedule",
            "a Deployment has none",
            remedy="set home-ops:reconciler.interval instead",
        )
    if settings.state and settings.backend:
        raise ConfigError(
            f"{subject}.state",
            "the state is kept there or in `backend`, not in both",
            remedy="leave one of them out",
        )

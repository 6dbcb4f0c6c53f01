"""What runs the passes in the cluster?

Called by ``bootstrap_objects`` where ``home-ops:reconciler.deploy`` is set. A CronJob starts a Job
for each pass, or a Deployment keeps one Pod that goes on; both hold the stack's lease for a pass.
Sources: Kubernetes, "CronJob", "Jobs" (Pod failure policy), "Pod Security Standards".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gitops.config import RepositorySource
from gitops.configuration.deploy_settings import DeploySettings, Mode
from gitops.credentials import secret_folder
from gitops.in_cluster.objects import (
    RECONCILER,
    an_object,
    disruption_budget,
    network_policy,
    pod,
    selector,
)
from gitops.sharding.indexed_job import indexed
from gitops.sharding.settings import ONE, Shards

WORK = "/var/lib/home-ops"
GIT = "/etc/home-ops/git"
SECRETS = "/etc/home-ops/secrets"
STATE = "/state"
EGRESS_PORTS = (22, 443, 6443)
HELD = 4
"""The exit code of a pass that found the lease held: it is tried again a little later."""
_ATTEMPTS = 6
_HISTORY = 3
_LATE_SECONDS = 120
_GRACE_SECONDS = 300


def workload(
    deploy: DeploySettings,
    source: RepositorySource,
    *,
    namespace: str,
    stack: str,
    interval: timedelta,
    shards: Shards = ONE,
    secrets: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The objects that make passes.

    Args:
        deploy: how.
        source: the repository; a Pod has none at hand.
        namespace: the bootstrap's.
        stack: the stack's name.
        interval: from one pass to the next.
        shards: how the stack is divided; a Deployment makes the passes of all one after another.
        secrets: the Secrets that logins for charts and other repositories are in.
    """
    mounted = _Pod(deploy=deploy, source=source, stack=stack, secrets=tuple(secrets))
    made = [
        # Nobody but people fill it: it is declared without data, so data is never ours to change.
        an_object("v1", "Secret", RECONCILER, namespace=namespace, type="Opaque"),
    ]
    if deploy.mode is Mode.CRON_JOB:
        made += [
            _cron_job(mounted, namespace, interval, shards),
            # a node is drained when the pass on it has ended; between passes nothing holds it up
            disruption_budget(RECONCILER, namespace),
        ]
    else:
        made.append(_deployment(mounted, namespace))
    if deploy.network_policy:
        out = (*EGRESS_PORTS, *deploy.egress_ports)
        made.append(network_policy(RECONCILER, namespace, out=out))
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pod:
    """What decides a reconciler's Pod."""

    deploy: DeploySettings
    source: RepositorySource
    stack: str
    secrets: tuple[str, ...]


def _cron_job(wanted: _Pod, namespace: str, interval: timedelta, shards: Shards) -> dict[str, Any]:
    deploy = wanted.deploy
    template = _pod(
        wanted,
        "--once",
        restartPolicy="Never",
        terminationGracePeriodSeconds=_GRACE_SECONDS,
    )
    moved = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    failed = {"containerName": RECONCILER, "operator": "NotIn", "values": [HELD]}
    job = {
        "activeDeadlineSeconds": int(deploy.timeout.total_seconds()),
        "backoffLimit": _ATTEMPTS,
        "podFailurePolicy": {"rules": [moved, {"action": "FailJob", "onExitCodes": failed}]},
        "ttlSecondsAfterFinished": 24 * 3600,
        "template": template,
    }
    spec = {
        "schedule": deploy.schedule or schedule(interval),
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _LATE_SECONDS,
        "successfulJobsHistoryLimit": _HISTORY,
        "failedJobsHistoryLimit": _HISTORY,
        "jobTemplate": {
            "metadata": {"labels": selector(RECONCILER)},
            "spec": indexed(job, shards),
        },
    }
    return an_object("batch/v1", "CronJob", RECONCILER, namespace=namespace, spec=spec)


def _deployment(wanted: _Pod, namespace: str) -> dict[str, Any]:
    # A pass may change this very object. On SIGTERM it lets the engine end what it has begun; with
    # Recreate the next Pod begins when this one has done that and given back the lease.
    template = _pod(
        wanted,
        "--loop",
        terminationGracePeriodSeconds=int(wanted.deploy.timeout.total_seconds()),
    )
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": _HISTORY,
        "selector": {"matchLabels": selector(RECONCILER)},
        "template": template,
    }
    return an_object("apps/v1", "Deployment", RECONCILER, namespace=namespace, spec=spec)


def schedule(interval: timedelta) -> str:
    """The schedule that comes closest to an interval: every so many minutes, or hours."""
    minutes = max(1, round(interval.total_seconds() / 60))
    if minutes < 60:
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    hours = min(23, round(minutes / 60))
    return "0 * * * *" if hours == 1 else f"0 */{hours} * * *"


def _pod(wanted: _Pod, often: str, **fields: Any) -> dict[str, Any]:
    deploy, source = wanted.deploy, wanted.source
    arguments = ["reconcile", often, "--stack", wanted.stack]
    if source.repo_url:
        arguments += ["--repository", source.repo_url]
    if source.target_revision:
        arguments += ["--revision", source.target_revision]
    secrets = [{"secretRef": {"name": RECONCILER, "optional": True}}]
    secrets += [{"secretRef": {"name": name}} for name in deploy.environment]
    volumes, mounts = _volumes(deploy, wanted.secrets)
    container: dict[str, Any] = {
        "image": deploy.image,
        "args": arguments,
        "workingDir": WORK,
        "env": _environment(deploy, wanted.secrets),
        "envFrom": secrets,
        "resources": dict(deploy.resources),
        "volumeMounts": mounts,
    }
    return pod(RECONCILER, container, volumes=volumes, pull_secrets=deploy.pull_secrets, **fields)


def _environment(deploy: DeploySettings, secrets: Sequence[str]) -> list[dict[str, str]]:
    found: dict[str, str] = {}
    if backend := f"file://{STATE}" if deploy.state else deploy.backend:
        found["PULUMI_BACKEND_URL"] = backend
    if deploy.git:
        found[secret_folder.OWN] = GIT
    if secrets:
        found[secret_folder.SECRETS] = SECRETS
    return [{"name": name, "value": value} for name, value in found.items()]


def _volumes(
    deploy: DeploySettings, secrets: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    caches = (
        {"persistentVolumeClaim": {"claimName": deploy.claim}} if deploy.claim else {"emptyDir": {}}
    )
    found: list[tuple[dict[str, Any], str]] = [
        ({"name": "work", **caches}, WORK),
        ({"name": "tmp", "emptyDir": {}}, "/tmp"),
    ]
    if deploy.state:
        claim = {"claimName": deploy.state}
        found.append(({"name": "state", "persistentVolumeClaim": claim}, STATE))
    if deploy.git:
        found.append((_mounted("git", deploy.git), GIT))
    for number, name in enumerate(secrets):
        # without it a pass tells whose login is missing; a Pod that cannot begin tells nobody
        volume = _mounted(f"secret-{number}", name, optional=True)
        found.append((volume, f"{SECRETS}/{name}"))
    volumes = [volume for volume, _ in found]
    mounts = [
        {
            "name": volume["name"],
            "mountPath": path,
            **({"readOnly": True} if "secret" in volume else {}),
        }
        for volume, path in found
    ]
    return volumes, mounts


def _mounted(volume: str, secret: str, **more: Any) -> dict[str, Any]:
    """A whole Secret as a folder, which the kubelet keeps up to date."""
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440, **more}}

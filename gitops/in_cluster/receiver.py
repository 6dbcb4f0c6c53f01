"""What receives a forge's deliveries in the cluster, and what may it do?

Called by ``bootstrap_objects`` where ``home-ops:reconciler.deploy.webhook`` is set. The receiver
can do one thing: ask for a pass. With a CronJob that is a Job like those the CronJob makes; an
admission policy of the API server refuses it any other, because whoever may make Jobs could
otherwise run anything as the reconciler. Source: Kubernetes, "Validating Admission Policy".
"""

from __future__ import annotations

from typing import Any

from gitops.config import RepositorySource
from gitops.configuration.deploy_settings import PORT, DeploySettings, Mode, WebhookSettings
from gitops.deployment.stack_names import trigger_name
from gitops.in_cluster.objects import (
    RECONCILER,
    WEBHOOK,
    an_object,
    disruption_budget,
    network_policy,
    pod,
    selector,
)

SECRET = "/etc/home-ops/webhook"
RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io/v1"
_TEMPLATE = "spec.template.spec"


def receiver(
    deploy: DeploySettings,
    webhook: WebhookSettings,
    source: RepositorySource,
    *,
    namespace: str,
    stack: str,
) -> list[dict[str, Any]]:
    """The receiver's objects.

    Args:
        deploy: how the reconciler runs.
        webhook: the forge and its secret.
        source: the repository whose pushes count.
        namespace: the bootstrap's.
        stack: the stack's name.
    """
    reference = {"apiGroup": RBAC, "kind": "Role", "name": WEBHOOK}
    account = {"kind": "ServiceAccount", "name": WEBHOOK, "namespace": namespace}
    made = [
        an_object("v1", "ServiceAccount", WEBHOOK, namespace=namespace),
        an_object(
            f"{RBAC}/v1", "Role", WEBHOOK, namespace=namespace, rules=_rules(deploy.mode, stack)
        ),
        an_object(
            f"{RBAC}/v1",
            "RoleBinding",
            WEBHOOK,
            namespace=namespace,
            roleRef=reference,
            subjects=[account],
        ),
        _deployment(deploy, webhook, source, namespace, stack),
        an_object(
            "v1",
            "Service",
            WEBHOOK,
            namespace=namespace,
            spec={
                "selector": selector(WEBHOOK),
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        ),
    ]
    if deploy.mode is Mode.CRON_JOB:
        made += _admission(namespace)
    if webhook.replicas > 1:
        made.append(disruption_budget(WEBHOOK, namespace))
    if deploy.network_policy:
        out = (443, 6443, *deploy.egress_ports)
        made.append(network_policy(WEBHOOK, namespace, out=out, into=(PORT,)))
    return made


def _rules(mode: Mode, stack: str) -> list[dict[str, Any]]:
    if mode is Mode.CRON_JOB:
        names = {"resourceNames": [RECONCILER], "verbs": ["get"]}
        return [
            {"apiGroups": ["batch"], "resources": ["cronjobs"], **names},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
        ]
    names = {"resourceNames": [trigger_name(stack)], "verbs": ["create", "patch"]}
    return [{"apiGroups": [""], "resources": ["configmaps"], **names}]


def _deployment(
    deploy: DeploySettings,
    webhook: WebhookSettings,
    source: RepositorySource,
    namespace: str,
    stack: str,
) -> dict[str, Any]:
    arguments = ["webhook", "--stack", stack, "--forge", webhook.forge, "--namespace", namespace]
    arguments += ["--secret-file", f"{SECRET}/{webhook.key}", "--mode", deploy.mode.value]
    if source.repo_url:
        arguments += ["--repository", source.repo_url]
    if source.target_revision:
        arguments += ["--revision", source.target_revision]
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    container: dict[str, Any] = {
        "image": deploy.image,
        "args": arguments,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": probe,
        "livenessProbe": {**probe, "initialDelaySeconds": 10},
        "resources": dict(webhook.resources),
        "volumeMounts": [
            {"name": "secret", "mountPath": SECRET, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    volumes: list[dict[str, Any]] = [
        {"name": "secret", "secret": {"secretName": webhook.secret, "defaultMode": 0o440}},
        {"name": "tmp", "emptyDir": {}},
    ]
    spec = {
        "replicas": webhook.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector(WEBHOOK)},
        "template": pod(WEBHOOK, container, volumes=volumes, pull_secrets=deploy.pull_secrets),
    }
    return an_object("apps/v1", "Deployment", WEBHOOK, namespace=namespace, spec=spec)


def _admission(namespace: str) -> list[dict[str, Any]]:
    name = f"{namespace}-{WEBHOOK}"
    user = f"system:serviceaccount:{namespace}:{WEBHOOK}"
    spec = {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "batch/v1", "kind": "CronJob"},
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["batch"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["jobs"],
                }
            ]
        },
        "matchConditions": [
            {"name": "the-receiver", "expression": f"request.userInfo.username == '{user}'"}
        ],
        "validations": [
            {
                "expression": f"object.{_TEMPLATE} == params.spec.jobTemplate.{_TEMPLATE}",
                "reason": "Forbidden",
                "message": f"{user} may only start what CronJob {RECONCILER} would start",
            }
        ],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "paramRef": {
            "name": RECONCILER,
            "namespace": namespace,
            "parameterNotFoundAction": "Deny",
        },
        "matchResources": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        },
    }
    return [
        an_object(_ADMISSION, "ValidatingAdmissionPolicy", name, spec=spec),
        an_object(_ADMISSION, "ValidatingAdmissionPolicyBinding", name, spec=binding),
    ]

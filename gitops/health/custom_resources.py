"""What do the projects home labs run mean by what only they write? Asked by the general rule.

The rules here are for custom resources whose status the conventions do not explain; whatever a rule
has nothing to say about is left to the general rule, which has looked before at pauses and at the
generation the controller has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gitops.health import (
    argo,
    certificates,
    databases,
    messaging,
    monitoring,
    network_policies,
    packages,
    phase_rules,
    storage_systems,
    virtual_machines,
)
from gitops.health.status import Health

Rule = Callable[[Mapping[str, Any]], Health | None]
TimedRule = Callable[[Mapping[str, Any], datetime], Health | None]

TIMED_RULES: Mapping[tuple[str, str], TimedRule] = {
    ("cert-manager.io", "Certificate"): certificates.certificate,
    ("volsync.backube", "ReplicationDestination"): storage_systems.replication,
    ("volsync.backube", "ReplicationSource"): storage_systems.replication,
}
RULES: Mapping[tuple[str, str], Rule] = {
    **{kind: table.judge for kind, table in phase_rules.TABLES.items()},
    ("argoproj.io", "ApplicationSet"): argo.application_set,
    ("argoproj.io", "EventBus"): argo.events,
    ("argoproj.io", "EventSource"): argo.events,
    ("argoproj.io", "Rollout"): argo.rollout,
    ("argoproj.io", "Sensor"): argo.events,
    ("autoscaling.k8s.io", "VerticalPodAutoscaler"): monitoring.vertical_autoscaler,
    ("ceph.rook.io", "CephCluster"): storage_systems.ceph_cluster,
    ("cert-manager.io", "CertificateRequest"): certificates.request,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): packages.helm_release,
    ("keda.sh", "ScaledJob"): monitoring.scaled_object,
    ("keda.sh", "ScaledObject"): monitoring.scaled_object,
    ("kubevirt.io", "VirtualMachine"): virtual_machines.virtual_machine,
    ("longhorn.io", "BackupTarget"): storage_systems.backup_target,
    ("longhorn.io", "Volume"): storage_systems.longhorn_volume,
    ("monitoring.coreos.com", "Alertmanager"): monitoring.prometheus,
    ("monitoring.coreos.com", "Prometheus"): monitoring.prometheus,
    ("monitoring.coreos.com", "PrometheusAgent"): monitoring.prometheus,
    ("monitoring.coreos.com", "ThanosRuler"): monitoring.prometheus,
    ("postgres-operator.crunchydata.com", "PostgresCluster"): databases.crunchy_cluster,
    ("postgresql.cnpg.io", "Cluster"): databases.cnpg_cluster,
    ("postgresql.cnpg.io", "Database"): databases.cnpg_declared,
    ("postgresql.cnpg.io", "Pooler"): databases.cnpg_pooler,
    ("postgresql.cnpg.io", "Publication"): databases.cnpg_declared,
    ("postgresql.cnpg.io", "Subscription"): databases.cnpg_declared,
    ("source.toolkit.fluxcd.io", "HelmRepository"): packages.helm_repository,
}
GROUPS: Mapping[str, Rule] = {
    **{group: table.judge for group, table in phase_rules.GROUP_TABLES.items()},
    "cilium.io": network_policies.cilium,
    "kafka.strimzi.io": messaging.strimzi,
    "networking.istio.io": network_policies.istio,
    "security.istio.io": network_policies.istio,
    "telemetry.istio.io": network_policies.istio,
}
FAMILIES: Mapping[str, Rule] = {
    "crossplane.io": packages.crossplane,
    "upbound.io": packages.crossplane,
}


def judge(live: Mapping[str, Any], *, group: str, kind: str, now: datetime) -> Health | None:
    """What the rule for a kind says, if there is one and it has anything to say.

    The first of: the kind's own, its group's, that of the groups its group's name ends in.
    """
    if timed := TIMED_RULES.get((group, kind)):
        return timed(live, now)
    family = ".".join(group.split(".")[-2:])
    rule = RULES.get((group, kind)) or GROUPS.get(group) or FAMILIES.get(family)
    return rule(live) if rule else None

"""Will a controller ever write a status of this kind? Asked by the general rule when there is none.

A kind that is in neither table gets a short time to be reported on (``conditions.JUST_CREATED``).
"""

from __future__ import annotations

ANY = "*"

# Kinds whose controller reports on every object, so that silence means that it has not come yet.
REPORTED: frozenset[tuple[str, str]] = frozenset(
    (group, kind)
    for group, kinds in {
        "acme.cert-manager.io": "Challenge Order",
        "acid.zalan.do": "postgresql",
        "apiextensions.crossplane.io": "CompositeResourceDefinition",
        "ceph.rook.io": "CephBlockPool CephCluster CephFilesystem CephObjectStore",
        "cert-manager.io": "Certificate CertificateRequest ClusterIssuer Issuer",
        "elasticsearch.k8s.elastic.co": "Elasticsearch",
        "external-secrets.io": "ClusterExternalSecret ClusterSecretStore ExternalSecret "
        "PushSecret SecretStore",
        "gateway.networking.k8s.io": "Gateway GatewayClass",
        "helm.toolkit.fluxcd.io": "HelmRelease",
        "kafka.strimzi.io": "Kafka KafkaConnect KafkaNodePool KafkaTopic KafkaUser",
        "keda.sh": "ScaledObject",
        "k8s.mariadb.com": "Backup Database Grant MariaDB User",
        "kustomize.toolkit.fluxcd.io": "Kustomization",
        "objectbucket.io": "ObjectBucketClaim",
        "pkg.crossplane.io": "Configuration Function Provider",
        "postgresql.cnpg.io": "Backup Cluster Database",
        "serving.knative.dev": "Configuration Revision Route Service",
        "source.toolkit.fluxcd.io": "Bucket GitRepository HelmChart HelmRepository OCIRepository",
        "velero.io": "Backup BackupStorageLocation Restore Schedule",
    }.items()
    for kind in kinds.split()
)

# Kinds that nothing writes a status to; waiting for one would only hold every wave up.
SILENT: frozenset[tuple[str, str]] = frozenset(
    (group, kind)
    for group, kinds in {
        "argoproj.io": "AppProject ClusterWorkflowTemplate WorkflowTemplate",
        "gateway.networking.k8s.io": "ReferenceGrant",
        "generators.external-secrets.io": ANY,
        "k8s.cni.cncf.io": ANY,
        "keda.sh": "ClusterTriggerAuthentication TriggerAuthentication",
        "metallb.io": "BFDProfile BGPAdvertisement BGPPeer Community L2Advertisement",
        "monitoring.coreos.com": "AlertmanagerConfig PodMonitor Probe PrometheusRule "
        "ScrapeConfig ServiceMonitor",
        "notification.toolkit.fluxcd.io": "Alert Provider",
        "operator.victoriametrics.com": "VMServiceScrape VMPodScrape VMNodeScrape VMStaticScrape",
        "snapshot.storage.k8s.io": "VolumeSnapshotClass",
        "tekton.dev": "ClusterTask Pipeline StepAction Task",
        "networking.istio.io": ANY,
        "security.istio.io": ANY,
        "traefik.containo.us": ANY,
        "traefik.io": ANY,
    }.items()
    for kind in kinds.split()
)


def is_reported(group: str, kind: str) -> bool:
    """Whether every object of the kind gets a status sooner or later."""
    return (group, kind) in REPORTED


def is_silent(group: str, kind: str) -> bool:
    """Whether objects of the kind are used without anyone writing a status to them."""
    return (group, kind) in SILENT or (group, ANY) in SILENT

"""How each component is started: its program, its flags, its settings.

Called by the supervisor. Flags are those of Kubernetes 1.36, etcd 3.6 and kwok 0.8. Nothing here
listens beyond loopback: only the API server has a port, etcd is reached through a socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.controlplane import credentials
from toolchain.controlplane.layout import Layout, write_json, write_private

ETCD = "etcd"
API_SERVER = "kube-apiserver"
COMPONENTS = (
    ETCD,
    API_SERVER,
    credentials.CONTROLLER_MANAGER,
    credentials.SCHEDULER,
    credentials.NODES,
)

# etcd wants host and port even of a socket, and uses both as the file's name.
_CLIENTS = "unix://etcd:1"
_PEERS = "unix://etcd:2"

# All of kwok's stages in one file of its working directory.
_STAGES = "stages.yaml"

# The default of kubeadm, so that manifests with a fixed clusterIP fit.
_SERVICES = "10.96.0.0/12"
# Pods of a node that has no range of its own.
_PODS = "10.64.0.0/16"

# Off because there is nothing for them to do on nodes that do not exist: volumes are never
# attached, certificates never signed, no cloud answers. The first alone wakes ten times a second.
_CONTROLLERS_OFF = (
    "persistentvolume-attach-detach-controller",
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "podcertificaterequest-cleaner-controller",
    "node-ipam-controller",
    "node-route-controller",
    "service-lb-controller",
    "ttl-controller",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One component's program and its arguments.

    Args:
        name: the component's name, also that of its log.
        arguments: the program's path and its arguments.
        working_directory: where it runs.
        environment: what it is told beyond PATH.
    """

    name: str
    arguments: tuple[str, ...]
    working_directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def write_component_settings(layout: Layout) -> None:
    """Write the settings files that the commands below name."""
    probes = [{"path": path} for path in ("/healthz", "/livez", "/readyz")]
    settings: dict[str, Any] = {
        "authentication.json": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": probes},
        },
        # Whatever the API server would send to a Service, a pod or a node goes to a socket that
        # does not exist: an aggregated API without a backend is refused at once instead of after
        # a timeout, and no packet leaves the machine for an address that only looks like a pod's.
        "egress.json": {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [
                {
                    "name": "cluster",
                    "connection": {
                        "proxyProtocol": "HTTPConnect",
                        "transport": {"uds": {"udsName": str(layout.sockets / "nowhere")}},
                    },
                }
            ],
        },
        "scheduler.json": _scheduler_settings(layout),
    }
    for name, value in settings.items():
        write_json(layout.credentials / name, value)
    stages = sorted((Path(__file__).parent / "stages").glob("*.yaml"))
    joined = "---\n".join(path.read_text(encoding="utf-8") for path in stages)
    write_private(layout.sockets / _STAGES, joined)


def etcd(layout: Layout, binaries: Mapping[str, str]) -> Command:
    """The store. Without fsync it survives a killed process but not a power cut."""
    return Command(
        name=ETCD,
        arguments=(
            binaries[ETCD],
            "--name=etcd",
            f"--data-dir={layout.data}",
            f"--listen-client-urls={_CLIENTS}",
            f"--advertise-client-urls={_CLIENTS}",
            f"--listen-peer-urls={_PEERS}",
            f"--initial-advertise-peer-urls={_PEERS}",
            f"--initial-cluster=etcd={_PEERS}",
            "--unsafe-no-fsync",
            # A single member elects itself, but only after up to twice this time: the default
            # of a second would be felt at every start.
            "--election-timeout=500",
            "--quota-backend-bytes=8589934592",
            "--auto-compaction-retention=0",
            "--log-level=warn",
        ),
        working_directory=layout.sockets,
    )


def api_server(layout: Layout, binaries: Mapping[str, str], port: int) -> Command:
    """The API server on one loopback port.

    Webhooks are off: those of real applications are served by pods, and pods do not run here.
    """
    key = credentials.signing_key(layout)
    return Command(
        name=API_SERVER,
        arguments=(
            binaries[API_SERVER],
            f"--etcd-servers={_CLIENTS}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            # Without an address of its own a machine that has only loopback could not start it.
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={layout.certificates}",
            f"--token-auth-file={credentials.tokens_file(layout)}",
            f"--authentication-config={layout.credentials / 'authentication.json'}",
            "--authorization-mode=RBAC",
            f"--egress-selector-config-file={layout.credentials / 'egress.json'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={_SERVICES}",
            "--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook",
            "--allow-privileged=true",
            "--max-requests-inflight=800",
            "--max-mutating-requests-inflight=800",
            "--etcd-count-metric-poll-period=0",
            "--etcd-db-metric-poll-interval=0",
            "--profiling=false",
        ),
        working_directory=layout.sockets,
        # Collects garbage half as often: 13 % less CPU while 30 large CRDs and 3,000 small objects
        # are applied, for up to half as much memory again (measured).
        environment={"GOGC": "200"},
    )


def controller_manager(layout: Layout, binaries: Mapping[str, str]) -> Command:
    """The controllers, without a port and without leader election."""
    off = ",".join(f"-{name}" for name in _CONTROLLERS_OFF)
    return Command(
        name=credentials.CONTROLLER_MANAGER,
        arguments=(
            binaries[credentials.CONTROLLER_MANAGER],
            f"--kubeconfig={credentials.component_kubeconfig(layout, 'kube-controller-manager')}",
            f"--service-account-private-key-file={credentials.signing_key(layout)}",
            f"--root-ca-file={layout.certificate}",
            f"--controllers=*,{off}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            "--concurrent-deployment-syncs=10",
            "--concurrent-replicaset-syncs=10",
            "--concurrent-statefulset-syncs=10",
            "--concurrent-job-syncs=10",
            # Patient with nodes: a busy or suspended machine must not have its pods evicted.
            "--node-monitor-period=10s",
            "--node-monitor-grace-period=10m",
            # By default a claim that waited for a volume made by hand is looked at every 15 s.
            "--pvclaimbinder-sync-period=3s",
            "--profiling=false",
        ),
        working_directory=layout.sockets,
    )


def scheduler(layout: Layout, binaries: Mapping[str, str]) -> Command:
    """The scheduler, without a port and without leader election."""
    return Command(
        name=credentials.SCHEDULER,
        arguments=(
            binaries[credentials.SCHEDULER],
            f"--config={layout.credentials / 'scheduler.json'}",
            "--secure-port=0",
        ),
        working_directory=layout.sockets,
    )


def nodes(layout: Layout, binaries: Mapping[str, str]) -> Command:
    """kwok, which plays the nodes and the pods on them by the stages beside this module."""
    return Command(
        name=credentials.NODES,
        arguments=(
            binaries[credentials.NODES],
            f"--kubeconfig={credentials.component_kubeconfig(layout, credentials.NODES)}",
            f"--config={_STAGES}",
            "--manage-all-nodes=true",
            f"--cidr={_PODS}",
            "--node-lease-duration-seconds=240",
        ),
        working_directory=layout.sockets,
    )


def _scheduler_settings(layout: Layout) -> dict[str, Any]:
    """The scheduler's configuration: pods that wait for a volume are looked at again soon."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {
            "kubeconfig": str(credentials.component_kubeconfig(layout, credentials.SCHEDULER)),
            "qps": 1000,
            "burst": 2000,
        },
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 2,
    }

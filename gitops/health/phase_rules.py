"""What does a project mean by the words of its phase? Called by the rules for custom resources.

The general rule reads a phase word by word. Here are the kinds whose words it would misread or
whose phase stands somewhere else; each table names the documentation it follows. A word that no
table has is left to the general rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops.health.fields import at, text
from gitops.health.status import Health, HealthStatus, one_line, progressing


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Where a kind's phase stands, what its words mean (case does not matter), and why it is so.

    Words are separated by ``;``. ``awaited``: the controller always writes a phase, so that an
    object without one is Progressing.
    """

    source: str
    path: str = "status.phase"
    healthy: str = ""
    progressing: str = ""
    suspended: str = ""
    degraded: str = ""
    unknown: str = ""
    causes: str = "status.message"
    awaited: bool = True

    def judge(self, live: Mapping[str, Any]) -> Health | None:
        """The health its phase tells; ``None`` for a word that is not in the table."""
        phase = text(live, *self.path.split("."))
        if not phase:
            return (
                progressing("its controller has not reported on it yet") if self.awaited else None
            )
        for status in HealthStatus:
            words = getattr(self, status.lower(), "")
            if phase.lower() in (word.strip().lower() for word in words.split(";")):
                return one_line(status, self._told(live, phase, status))
        return None

    def _told(self, live: Mapping[str, Any], phase: str, status: HealthStatus) -> str:
        told = at(live, *self.causes.split(".")) if self.causes else ""
        lines = told if isinstance(told, list) else [told]  # Percona's message is a list
        cause = "; ".join(line for line in lines if isinstance(line, str) and line)
        if status is HealthStatus.HEALTHY:
            return cause
        return f"{self.path.rpartition('.')[2]} {phase}" + (f": {cause}" if cause else "")


_ACME = Phases(
    source="cert-manager, API reference, acme.cert-manager.io/v1, State: ready means that all "
    "challenges are met and the certificate may be asked for",
    path="status.state",
    healthy="valid",
    progressing="ready;pending;processing",
    degraded="invalid;expired;errored",
    unknown="unknown",
    causes="status.reason",
)
_ANALYSIS = Phases(
    source="Argo Rollouts, Analysis & Progressive Delivery: AnalysisPhase",
    healthy="Successful",
    progressing="Pending;Running",
    degraded="Failed;Error",
    unknown="Inconclusive",
)
_PERCONA = Phases(
    source="Percona Operators, Custom Resource status: AppState",
    path="status.state",
    healthy="ready",
    progressing="initializing;init;stopping",
    suspended="paused",
    degraded="error",
    unknown="unknown",
)

VIRTUAL_MACHINE = Phases(
    source="KubeVirt, user guide and API reference, VirtualMachinePrintableStatus",
    path="status.printableStatus",
    healthy="Running",
    progressing="Provisioning;Starting;Stopping;Terminating;Migrating;"
    "WaitingForVolumeBinding;WaitingForReceiver",
    suspended="Stopped;Paused",
    degraded="CrashLoopBackOff;ErrorUnschedulable;ErrImagePull;ImagePullBackOff;"
    "ErrorPvcNotFound;DataVolumeError",
    unknown="Unknown",
    causes="",
)

TABLES: Mapping[tuple[str, str], Phases] = {
    ("acid.zalan.do", "postgresql"): Phases(
        source="Postgres Operator, User Guide and api/acid.zalan.do/v1 constants",
        path="status.PostgresClusterStatus",
        healthy="Running",
        progressing="Creating;Updating",
        degraded="CreateFailed;UpdateFailed;SyncFailed;DeleteFailed;Invalid",
    ),
    ("acme.cert-manager.io", "Challenge"): _ACME,
    ("acme.cert-manager.io", "Order"): _ACME,
    ("argoproj.io", "AnalysisRun"): _ANALYSIS,
    ("argoproj.io", "Experiment"): _ANALYSIS,
    ("cdi.kubevirt.io", "DataVolume"): Phases(
        source="KubeVirt CDI, DataVolumes, Phases; a WaitForFirstConsumer volume waits for its VM",
        healthy="Succeeded",
        progressing="Pending;PVCBound;ImportScheduled;ImportInProgress;CloneScheduled;"
        "CloneInProgress;SnapshotForSmartCloneInProgress;CSICloneInProgress;ExpansionInProgress;"
        "NamespaceTransferInProgress;UploadScheduled;UploadReady;WaitForFirstConsumer;"
        "PendingPopulation;PrepClaimInProgress;RebindInProgress",
        suspended="Paused",
        degraded="Failed;Unknown",
        causes="",
    ),
    ("dragonflydb.io", "Dragonfly"): Phases(
        source="Dragonfly operator, api/v1alpha1 DragonflyStatus.phase",
        healthy="ready",
        progressing="resources-created;configuring;rolling-update;ready-old",
        causes="",
    ),
    ("elasticsearch.k8s.elastic.co", "Elasticsearch"): Phases(
        source="Elastic Cloud on Kubernetes, API reference, ElasticsearchOrchestrationPhase; "
        "status.health tells of one that is Ready",
        progressing="ApplyingChanges;MigratingData",
        degraded="Invalid;NodeShutdownStalled",
        causes="",
    ),
    ("grafana.integreatly.org", "Grafana"): Phases(
        source="Grafana operator, API reference, GrafanaStatus: stage and stageStatus",
        path="status.stageStatus",
        progressing="in progress",
        degraded="failed",
        causes="status.lastMessage",
        awaited=False,
    ),
    ("kubevirt.io", "VirtualMachineInstance"): Phases(
        source="KubeVirt, API reference, VirtualMachineInstancePhase; Running has conditions",
        progressing="Pending;Scheduling;Scheduled;WaitingForSync",
        suspended="Succeeded",
        degraded="Failed",
        unknown="Unknown",
        causes="status.reason",
    ),
    ("longhorn.io", "Backup"): Phases(
        source="Longhorn, longhorn.io/v1beta2 BackupState",
        path="status.state",
        healthy="Completed",
        progressing="New;Pending;InProgress;Deleting",
        degraded="Error;Unknown",
        causes="status.error",
    ),
    ("mysql.oracle.com", "InnoDBCluster"): Phases(
        source="MySQL Operator for Kubernetes, status.cluster.status; its diagnose codes",
        path="status.cluster.status",
        healthy="ONLINE",
        progressing="INITIALIZING;PENDING;FINALIZING;ONLINE_PARTIAL",
        degraded="OFFLINE;ONLINE_UNCERTAIN;OFFLINE_UNCERTAIN;NO_QUORUM;NO_QUORUM_UNCERTAIN;"
        "SPLIT_BRAIN;SPLIT_BRAIN_UNCERTAIN;INVALID",
        unknown="UNKNOWN",
        causes="",
    ),
    ("postgresql.cnpg.io", "Backup"): Phases(
        source="CloudNativePG, API reference, BackupPhase",
        healthy="completed",
        progressing="new;pending;started;running;finalizing",
        degraded="failed;walArchivingFailing",
        causes="status.error",
    ),
    ("psmdb.percona.com", "PerconaServerMongoDB"): _PERCONA,
    ("pxc.percona.com", "PerconaXtraDBCluster"): _PERCONA,
    ("redis.redis.opstreelabs.in", "RedisCluster"): Phases(
        source="OT-CONTAINER-KIT redis-operator, RedisClusterStatus.state",
        path="status.state",
        healthy="Ready",
        progressing="Initializing;Bootstrap",
        degraded="Failed",
        causes="status.reason",
        awaited=False,
    ),
    ("velero.io", "DeleteBackupRequest"): Phases(
        source="Velero, API types, DeleteBackupRequestPhase",
        healthy="Processed",
        progressing="New;InProgress",
    ),
}

GROUP_TABLES: Mapping[str, Phases] = {
    "operator.victoriametrics.com": Phases(
        source="VictoriaMetrics operator, API docs, StatusMetadata.updateStatus",
        path="status.updateStatus",
        healthy="operational",
        progressing="expanding",
        suspended="paused",
        degraded="failed",
        causes="status.reason",
        awaited=False,
    ),
}

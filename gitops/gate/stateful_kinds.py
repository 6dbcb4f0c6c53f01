"""Which kinds of objects hold data, or hold up much else?

The prune gate never lets one of them be deleted without confirmation. A group that begins with
``*.`` means all groups below it; the kind ``*`` means every kind of the group.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitops.objects.manifest import ResourceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatefulKind:
    """Kinds of one API group, and what goes when such an object does."""

    group: str
    kinds: frozenset[str]
    loses: str

    def covers(self, key: ResourceKey) -> bool:
        """Whether an object is of one of the kinds."""
        within = self.group.startswith("*.") and key.group.endswith(self.group[1:])
        return (within or key.group == self.group) and not self.kinds.isdisjoint({key.kind, "*"})


def _kinds(group: str, *kinds: str, loses: str = "a database and its data") -> StatefulKind:
    return StatefulKind(group=group, kinds=frozenset(kinds), loses=loses)


_CLUSTER = (
    _kinds("", "Namespace", loses="everything in the namespace"),
    _kinds("", "PersistentVolumeClaim", "PersistentVolume", loses="the volume's data"),
    _kinds("apps", "StatefulSet", loses="a stateful workload"),
    _kinds("apiextensions.k8s.io", "CustomResourceDefinition", loses="all objects of that kind"),
    _kinds("snapshot.storage.k8s.io", "VolumeSnapshot", "VolumeSnapshotContent", loses="a backup"),
)
_POSTGRESQL = (
    _kinds("postgresql.cnpg.io", "Cluster", "Database"),
    _kinds("acid.zalan.do", "postgresql"),
    _kinds("postgres-operator.crunchydata.com", "PostgresCluster"),
    _kinds("pgv2.percona.com", "PerconaPGCluster"),
    _kinds("stackgres.io", "SGCluster", "SGShardedCluster"),
)
_MYSQL = (
    _kinds("mysql.oracle.com", "InnoDBCluster"),
    _kinds("pxc.percona.com", "PerconaXtraDBCluster"),
    _kinds("ps.percona.com", "PerconaServerMySQL"),
    _kinds("k8s.mariadb.com", "MariaDB", "Database"),
    _kinds("mariadb.mmontes.io", "MariaDB", "Database"),
    _kinds("moco.cybozu.com", "MySQLCluster"),
    _kinds("planetscale.com", "VitessCluster", "VitessKeyspace", "VitessShard"),
)
_MONGODB = (
    _kinds("mongodbcommunity.mongodb.com", "MongoDBCommunity"),
    _kinds("mongodb.com", "MongoDB", "MongoDBMultiCluster"),
    _kinds("psmdb.percona.com", "PerconaServerMongoDB"),
)
_REDIS = (
    _kinds(
        "redis.redis.opstreelabs.in",
        *("Redis", "RedisCluster", "RedisReplication", "RedisSentinel"),
    ),
    _kinds("databases.spotahome.com", "RedisFailover"),
    _kinds("app.redislabs.com", "RedisEnterpriseCluster", "RedisEnterpriseDatabase"),
    _kinds("dragonflydb.io", "Dragonfly"),
    _kinds("hyperspike.io", "Valkey"),
)
_OTHER_DATABASES = (
    _kinds("elasticsearch.k8s.elastic.co", "Elasticsearch"),
    _kinds("opensearch.opster.io", "OpenSearchCluster"),
    _kinds("clickhouse.altinity.com", "ClickHouseInstallation"),
    _kinds("cassandra.datastax.com", "CassandraDatacenter"),
    _kinds("k8ssandra.io", "K8ssandraCluster"),
    _kinds("scylla.scylladb.com", "ScyllaCluster"),
    _kinds("crdb.cockroachlabs.com", "CrdbCluster"),
    _kinds("pingcap.com", "TidbCluster"),
    _kinds("kafka.strimzi.io", "Kafka", "KafkaNodePool", "KafkaTopic"),
    _kinds("rabbitmq.com", "RabbitmqCluster"),
    _kinds("operator.victoriametrics.com", "VMSingle", "VMCluster", "VLSingle", "VLCluster"),
    _kinds("monitoring.coreos.com", "Prometheus", loses="a stateful workload"),
)
_MANY_DATABASES = (
    _kinds("*.kubedb.com", "*"),
    _kinds("kubedb.com", "*"),
    _kinds("apps.kubeblocks.io", "Cluster"),
)
_STORAGE = (
    _kinds(
        "ceph.rook.io",
        *("CephCluster", "CephBlockPool", "CephFilesystem", "CephObjectStore"),
        *("CephFilesystemSubVolumeGroup", "CephObjectStoreUser"),
        loses="storage and all data in it",
    ),
    _kinds("longhorn.io", "Volume", "BackingImage", loses="the volume's data"),
    _kinds("objectbucket.io", "ObjectBucketClaim", "ObjectBucket", loses="a bucket and its data"),
    _kinds("minio.min.io", "Tenant", loses="storage and all data in it"),
    _kinds("openebs.io", "DiskPool", loses="storage and all data in it"),
)

STATEFUL_KINDS = (
    *_CLUSTER,
    *_POSTGRESQL,
    *_MYSQL,
    *_MONGODB,
    *_REDIS,
    *_OTHER_DATABASES,
    *_MANY_DATABASES,
    *_STORAGE,
)


def stateful(key: ResourceKey, more: Iterable[StatefulKind] = ()) -> StatefulKind | None:
    """The entry an object falls under, or None where nothing is lost with it.

    Args:
        key: the object.
        more: kinds the stack's config adds.
    """
    return next((each for each in (*STATEFUL_KINDS, *more) if each.covers(key)), None)

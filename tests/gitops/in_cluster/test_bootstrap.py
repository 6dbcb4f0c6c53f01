"""What is deployed into the cluster: only on request, locked up, and with the rights asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gitops.config import Settings, parse
from gitops.errors import ConfigError
from gitops.in_cluster.workload import HELD, schedule
from gitops.objects.bootstrap_objects import EVERYTHING, bootstrap_keys, bootstrap_objects
from gitops.rights.missing import is_granted
from gitops.rights.needed import NeededRights
from reconciler.commands.exit_codes import ExitCode

IMAGE = "registry.example/home-ops@sha256:" + "0" * 64
SOURCE = {"repoURL": "https://git.example/home-ops", "targetRevision": "main"}
Objects = Mapping[tuple[str, str], Mapping[str, Any]]


def settings(**deploy: Any) -> Settings:
    values = {"image": IMAGE, **deploy}
    return parse({"cluster": "a", "source": SOURCE, "reconciler": {"deploy": values}})


def objects(found: Settings, needed: NeededRights | None = None) -> Objects:
    made = bootstrap_objects(found, stack="a", needed=needed)
    return {(each["kind"], each["metadata"]["name"]): each for each in made}


def pod_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = body["spec"]
    if body["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return dict(spec["template"]["spec"])


def test_nothing_is_deployed_unless_asked_for() -> None:
    """A stack without the setting has what it always had: namespace, account, and every right."""
    made = bootstrap_objects(parse({"cluster": "a"}), stack="a")
    kinds = [each["kind"] for each in made]
    assert kinds == ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"]
    assert made[2]["rules"] == [dict(each) for each in EVERYTHING]


@pytest.mark.parametrize("mode", ["CronJob", "Deployment"])
def test_every_pod_is_locked_up(mode: str) -> None:
    """Each Pod keeps to the Pod Security Standard "restricted", has a root it cannot write to,
    resources, and no service links."""
    webhook = {"forge": "github", "secret": "hook"}
    found = objects(settings(mode=mode, webhook=webhook))
    for key in ((mode, "reconciler"), ("Deployment", "webhook")):
        pod = pod_of(found[key])
        security = pod["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        [container] = pod["containers"]
        assert container["image"] == IMAGE
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"]
        assert {"name": "tmp", "emptyDir": {}} in pod["volumes"]
        assert not pod["enableServiceLinks"]


def test_a_job_for_each_pass() -> None:
    """One Job at a time with a deadline, not begun late, few kept; a pass that finds the lease held
    is tried again, one that fails is not."""
    spec = objects(settings(timeout="20m"))["CronJob", "reconciler"]["spec"]
    assert spec["schedule"] == "*/3 * * * *"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 120
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 3)
    job = spec["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] == 20 * 60
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    rule = job["podFailurePolicy"]["rules"][1]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [HELD] == [ExitCode.HELD]
    assert job["template"]["spec"]["containers"][0]["args"] == [
        *("reconcile", "--once", "--stack", "a"),
        *("--repository", "https://git.example/home-ops", "--revision", "main"),
    ]


def test_one_pod_for_all_passes() -> None:
    """The Pod that goes has time to end in good order, and the next one waits for that: so a pass
    may change the image it runs from itself."""
    found = objects(settings(mode="Deployment", timeout="20m"))
    spec = found["Deployment", "reconciler"]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["replicas"] == 1
    pod = pod_of(found["Deployment", "reconciler"])
    assert pod["terminationGracePeriodSeconds"] == 20 * 60
    assert "--loop" in pod["containers"][0]["args"]
    assert ("CronJob", "reconciler") not in found
    assert ("PodDisruptionBudget", "reconciler") not in found  # it would hold up every drain


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (timedelta(seconds=10), "* * * * *"),
        (timedelta(seconds=90), "*/2 * * * *"),
        (timedelta(minutes=59), "*/59 * * * *"),
        (timedelta(hours=1), "0 * * * *"),
        (timedelta(hours=6), "0 */6 * * *"),
        (timedelta(days=9), "0 */23 * * *"),
    ],
)
def test_schedules(interval: timedelta, expected: str) -> None:
    """A schedule knows minutes and hours; it comes as close to the interval as that allows."""
    assert schedule(interval) == expected


def test_credentials_come_from_secrets() -> None:
    """Secrets become environment variables, or files that Git reads anew each time; the config
    holds their names and nothing else. The bootstrap's own Secret has no data to differ in."""
    found = objects(
        settings(git="git-login", environment=["state"], backend="s3://bucket", claim="cache")
    )
    pod = pod_of(found["CronJob", "reconciler"])
    [container] = pod["containers"]
    assert [each["secretRef"]["name"] for each in container["envFrom"]] == ["reconciler", "state"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment["PULUMI_BACKEND_URL"] == "s3://bucket"
    assert environment["HOME_OPS_GIT"] == "/etc/home-ops/git"
    assert "HOME_OPS_SECRETS" not in environment
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes["git"]["secret"]["secretName"] == "git-login"
    assert volumes["work"]["persistentVolumeClaim"]["claimName"] == "cache"
    assert "data" not in found["Secret", "reconciler"]


def test_logins_of_other_repositories_come_from_secrets() -> None:
    """Each Secret that a login for charts or Git is in is mounted once, whole, where the program
    looks for it; that one is missing does not keep a pass from beginning."""
    values = {
        "cluster": "a",
        "source": SOURCE,
        "reconciler": {"deploy": {"image": IMAGE}},
        "repositoryCredentials": {"https://git.example/": {"secret": "forge"}},
        "chartCredentials": {
            "oci://git.example": {"secret": "forge"},
            "oci://charts.example": {"secret": "charts"},
            "oci://other.example": {"usernameEnv": "U", "passwordEnv": "P"},
        },
    }
    pod = pod_of(objects(parse(values))["CronJob", "reconciler"])
    [container] = pod["containers"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    secrets = {each["name"]: each["secret"] for each in pod["volumes"] if "secret" in each}
    found = {mounts[name]: each for name, each in secrets.items()}
    assert {path: each["secretName"] for path, each in found.items()} == {
        "/etc/home-ops/secrets/charts": "charts",
        "/etc/home-ops/secrets/forge": "forge",
    }
    assert all(each["optional"] and "items" not in each for each in found.values())
    assert {"name": "HOME_OPS_SECRETS", "value": "/etc/home-ops/secrets"} in container["env"]


def test_a_state_in_files() -> None:
    """A claim for the state is mounted where the backend says."""
    pod = pod_of(objects(settings(state="state"))["CronJob", "reconciler"])
    [container] = pod["containers"]
    assert {"name": "PULUMI_BACKEND_URL", "value": "file:///state"} in container["env"]
    assert {"name": "state", "mountPath": "/state"} in container["volumeMounts"]


def test_who_may_talk_to_whom() -> None:
    """Nobody reaches the reconciler, everybody the receiver's one port; ports are added by name."""
    webhook = {"forge": "github", "secret": "hook"}
    found = objects(settings(webhook=webhook, egressPorts=[9000]))
    policy = found["NetworkPolicy", "reconciler"]["spec"]
    assert "ingress" not in policy
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [each["port"] for each in policy["egress"][1]["ports"]] == [22, 443, 6443, 9000]
    into = found["NetworkPolicy", "webhook"]["spec"]["ingress"]
    assert into == [{"ports": [{"protocol": "TCP", "port": 8080}]}]
    assert ("NetworkPolicy", "reconciler") not in objects(settings(networkPolicy=False))


def test_the_receiver_can_do_one_thing() -> None:
    """With a CronJob it may make Jobs, which admission limits to those of the CronJob; with a
    Deployment it may write one ConfigMap."""
    webhook = {"forge": "github", "secret": "hook", "replicas": 2}
    found = objects(settings(webhook=webhook))
    rules = found["Role", "webhook"]["rules"]
    assert is_granted(rules, "batch", "jobs", "create")
    assert rules[0]["resourceNames"] == ["reconciler"]
    assert ("ValidatingAdmissionPolicy", "home-ops-webhook") in found
    assert ("ValidatingAdmissionPolicyBinding", "home-ops-webhook") in found
    assert ("PodDisruptionBudget", "webhook") in found
    other = objects(settings(webhook=webhook, mode="Deployment"))
    [rule] = other["Role", "webhook"]["rules"]
    assert rule["resourceNames"] == ["home-ops-a-trigger"]
    assert ("ValidatingAdmissionPolicy", "home-ops-webhook") not in other


def test_derived_rights_are_bound_where_they_hold() -> None:
    """What Applications need is a ClusterRole and a Role in each of their namespaces; the
    bootstrap's own objects may be kept by their names, and others' not."""
    read = {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"]}
    write = {"apiGroups": [""], "resources": ["services"], "verbs": ["create"]}
    needed = NeededRights(cluster=[read], namespaces={"media": [write]})
    made = bootstrap_objects(settings(), stack="a", needed=needed)
    roles = {
        each["metadata"].get("namespace", ""): each["rules"]
        for each in made
        if each["kind"] in ("Role", "ClusterRole")
    }
    assert read in roles[""]
    assert write in roles["media"]
    assert write not in roles["home-ops"]
    for given in roles.values():
        assert not is_granted(given, "", "secrets", "get")
        assert not is_granted(given, "rbac.authorization.k8s.io", "clusterroles", "patch")
        assert not is_granted(given, "batch", "jobs", "create")
    own = [rule for rule in roles["home-ops"] if "cronjobs" in rule["resources"]]
    assert own[0]["resourceNames"] == ["reconciler"]
    assert is_granted(roles["home-ops"], "home-ops.dev", "applications", "patch")
    keys = bootstrap_keys(settings(), stack="a", namespaces=["media"])
    assert {(key.kind, key.namespace) for key in keys} >= {("Role", "media"), ("Role", "home-ops")}


def test_all_rights_on_request() -> None:
    """Whoever wants no run of a person's for new kinds gives the reconciler every right."""
    found = objects(settings(rights="All"))
    assert found["ClusterRole", "home-ops-reconciler"]["rules"] == [dict(e) for e in EVERYTHING]
    assert ("Role", "home-ops-reconciler") not in found


def test_shards_share_their_rights() -> None:
    """One account makes the passes of all shards, and may take the lease of each, and that of the
    definitions they have in common."""
    values = {"cluster": "a", "source": SOURCE, "reconciler": {"deploy": {"image": IMAGE}}}
    rules = objects(parse({**values, "shards": {"count": 2}}))["Role", "home-ops-reconciler"]
    for name in ("home-ops-a", "home-ops-a-shard-1", "home-ops-a-definitions"):
        given = ("coordination.k8s.io", "leases", "patch")
        assert is_granted(rules["rules"], *given, name=name)
        assert not is_granted(rules["rules"], *given)


@pytest.mark.parametrize(
    ("deploy", "expected"),
    [
        ({"image": "registry.example:5000/home-ops"}, "may be another image tomorrow"),
        ({"image": "registry.example/home-ops:latest"}, "may be another image tomorrow"),
        ({"timeout": "10s"}, "too short for a pass"),
        ({"schedule": "often"}, "deploy.schedule"),
        ({"schedule": "* * * * *", "mode": "Deployment"}, "a Deployment has none"),
        ({"state": "a", "backend": "s3://b"}, "not in both"),
        ({"rights": "Some"}, "deploy.rights"),
        ({"webhook": {"forge": "github"}}, "deploy.webhook.secret"),
        ({"git": "No_Name"}, "deploy.git"),
    ],
)
def test_what_cannot_be_deployed(deploy: dict[str, Any], expected: str) -> None:
    """A wrong setting is an error that names it."""
    with pytest.raises(ConfigError, match=expected.replace("(", "\\(")):
        settings(**deploy)

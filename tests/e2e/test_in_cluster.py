"""A reconciler in the cluster gets by with the rights its Applications make necessary."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout, application_set
from tests.e2e.in_cluster import IMAGE, account_kubeconfig, deployed, refused
from tests.e2e.live import Body, Live, until
from tests.e2e.objects import config_map, definition, role, service, thing
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_reconcile import data_of, until_synced

pytestmark = pytest.mark.e2e
RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
def passes(checkout: Checkout) -> Iterator[Reconciling]:
    """Passes with the account's own token, once a person has run everything."""
    healing = application_set(namespace=checkout.namespace)
    healing["template"]["spec"]["syncPolicy"]["automated"]["selfHeal"] = True
    checkout.configure(
        healing, source={"repoURL": str(checkout.root)}, reconciler=deployed(networkPolicy=True)
    )
    found = Reconciling(checkout)
    yield found


def binding(name: str, to: str) -> Body:
    reference = {"apiGroup": RBAC, "kind": "Role", "name": to}
    account = {"kind": "ServiceAccount", "name": "default"}
    return thing(f"{RBAC}/v1", "RoleBinding", name, roleRef=reference, subjects=[account])


def hook(name: str) -> Body:
    container = {"name": "main", "image": "registry.example/hook:1"}
    pod = {"restartPolicy": "Never", "containers": [container]}
    annotations = {"argocd.argoproj.io/hook": "PreSync"}
    return thing("batch/v1", "Job", name, annotations=annotations, spec={"template": {"spec": pod}})


def test_least_rights(checkout: Checkout, passes: Reconciling) -> None:
    """With its own token alone a pass creates, updates, heals, prunes, runs hooks and remembers;
    the next one does nothing; what no Application makes necessary the API server refuses."""
    group = f"{checkout.id}.example"
    secret = thing("v1", "Secret", "login", stringData={"password": "in-git"})
    widget = thing(f"{group}/v1", "Widget", "w", spec={"size": 1})
    checkout.write("one", definition(group, "Widget"), widget, config_map("a"), secret)
    checkout.write("two", role("reader", "pods"), binding("reader", "reader"), config_map("b"))
    checkout.write("three", hook("prepare"), config_map("c"))
    passes.commit()
    checkout.twice()
    admin = checkout.environment
    kubeconfig = account_kubeconfig(checkout)
    checkout.environment = {**admin, "KUBECONFIG": str(kubeconfig)}
    first = passes.once().expect()
    assert [first.sync(name) for name in ("one", "two", "three")] == ["Synced"] * 3
    assert not first.report["warnings"], first.report["warnings"]
    assert calm(passes) == 0

    changed = thing("v1", "Secret", "login", stringData={"password": "changed"})
    checkout.write("one", definition(group, "Widget"), widget, config_map("a", "2"), changed)
    checkout.write("two", role("reader", "pods"), binding("reader", "reader"), config_map("d"))
    checkout.write("three", hook("prepare"), config_map("c", "2"))
    passes.commit()
    second = passes.once().expect()
    assert not second.report["warnings"], second.report["warnings"]
    assert checkout.live.find("ConfigMap", "b", checkout.namespace) is None
    assert secret_of(checkout) == "changed"
    checkout.live.request("PATCH", secret_path(checkout), {"data": {"password": "Ym8="}})
    path = f"/apis/{group}/v1/namespaces/{checkout.namespace}/widgets/w"
    checkout.live.request("DELETE", path)
    until_synced(passes, "one")
    assert secret_of(checkout) == "changed"
    assert checkout.live.get(path)
    passes.once().expect(runs=0)
    with closing(Live(kubeconfig)) as live:
        for method, path, body in forbidden(checkout):
            assert refused(live, method, path, body), (method, path)
        assert not refused(live, "GET", secret_path(checkout))


def calm(passes: Reconciling) -> int:
    """How many records a pass still writes that has nothing to do, once new objects are no longer
    too new for their health to be known."""
    written = 0
    for _ in range(6):
        run = passes.once().expect(runs=0)
        assert run.report["outcome"] == "Nothing"
        written = run.report["recordsWritten"]
        if not written:
            break
    return int(written)


def secret_path(checkout: Checkout) -> str:
    return f"/api/v1/namespaces/{checkout.namespace}/secrets/login"


def secret_of(checkout: Checkout) -> str:
    found = checkout.live.request("GET", secret_path(checkout))
    return base64.b64decode(found["data"]["password"]).decode()


def forbidden(checkout: Checkout) -> Iterator[tuple[str, str, Body | None]]:
    """Requests that no Application makes necessary."""
    base = f"{checkout.id}-base"
    here = f"namespaces/{checkout.namespace}"
    yield "GET", "/api/v1/secrets", None
    yield "GET", "/api/v1/namespaces/kube-system/secrets", None
    yield "GET", f"/api/v1/namespaces/{base}/secrets", None
    yield "POST", "/api/v1/namespaces/default/configmaps", config_map("x")
    yield "POST", f"/api/v1/{here}/services", thing("v1", "Service", "x")
    yield "POST", f"/apis/apps/v1/{here}/deployments", thing("apps/v1", "Deployment", "x")
    yield (
        "POST",
        f"/apis/apps/v1/namespaces/{base}/deployments",
        thing("apps/v1", "Deployment", "x"),
    )
    everything: Body = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    own = f"{base}-reconciler"
    yield "PATCH", f"/apis/{RBAC}/v1/clusterroles/{own}", {"rules": [everything]}
    wide = thing(f"{RBAC}/v1", "Role", "wide", rules=[everything])
    yield "POST", f"/apis/{RBAC}/v1/{here}/roles", wide
    admin = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "admin"}
    given = thing(f"{RBAC}/v1", "RoleBinding", "wide", roleRef=admin, subjects=[])
    yield "POST", f"/apis/{RBAC}/v1/{here}/rolebindings", given
    yield "POST", f"/apis/{RBAC}/v1/clusterrolebindings", {**given, "kind": "ClusterRoleBinding"}
    yield "POST", f"/api/v1/namespaces/{base}/serviceaccounts/reconciler/token", {"spec": {}}
    yield "DELETE", f"/api/v1/namespaces/{checkout.namespace}", None


def test_rights_git_has_not_asked_for_before(checkout: Checkout, passes: Reconciling) -> None:
    """A kind or a namespace that is new in Git is refused to the account, and to no other
    Application; the message says which right is missing and who may grant it. A person's run
    grants it, and the next pass is content."""
    checkout.write("one", config_map("a"))
    checkout.write("two", config_map("b"))
    passes.commit()
    checkout.up().succeeded()
    admin = checkout.environment
    own = {**admin, "KUBECONFIG": str(account_kubeconfig(checkout))}
    checkout.environment = own
    passes.once().expect()

    checkout.write("one", config_map("a"), service("s"))
    checkout.write("two", config_map("b", "2"))
    passes.commit()
    refused_one = passes.once()
    refused_one.expect(1)
    assert refused_one.sync("two") == "Synced"
    assert data_of(checkout, "b") == "2"
    assert "may not get, list services across the cluster" in refused_one.errors
    assert f"create, delete, patch services in namespace {checkout.namespace}" in refused_one.errors
    assert "`gitops up`" in refused_one.errors
    assert refused_one.sync("one") == "Unknown"

    checkout.environment = admin
    checkout.up().succeeded()
    checkout.environment = own
    granted = passes.once().expect()
    assert granted.sync("one") == "Synced"
    passes.once().expect(runs=0)


def test_keeps_itself(checkout: Checkout, passes: Reconciling) -> None:
    """A pass with the account's own rights changes the image it will run from next and leaves the
    Job that runs alone; what is changed or deleted of the reconciler by hand is put right; what
    people put into its Secret stays."""
    checkout.write("one", config_map("a"))
    passes.commit()
    checkout.up().succeeded()
    base = f"/namespaces/{checkout.id}-base"
    cron_job = f"/apis/batch/v1{base}/cronjobs/reconciler"
    secret, budget = f"/api/v1{base}/secrets/reconciler", f"/apis/policy/v1{base}"
    checkout.live.request("PATCH", secret, {"data": {"PULUMI_CONFIG_PASSPHRASE": "YQ=="}})
    template = checkout.live.request("GET", cron_job)["spec"]["jobTemplate"]
    running = thing("batch/v1", "Job", "running", spec=template["spec"])
    uid = checkout.live.request("POST", f"/apis/batch/v1{base}/jobs", running)["metadata"]["uid"]
    kubeconfig = account_kubeconfig(checkout)
    checkout.environment = {**checkout.environment, "KUBECONFIG": str(kubeconfig)}
    passes.once().expect()

    checkout.configure(
        source={"repoURL": str(checkout.root)}, reconciler=deployed(image=f"{IMAGE}-next")
    )
    passes.commit()
    passes.once().expect()
    assert image_of(checkout.live.request("GET", cron_job)) == f"{IMAGE}-next"
    job = checkout.live.request("GET", f"/apis/batch/v1{base}/jobs/running")
    assert job["metadata"]["uid"] == uid
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE

    checkout.live.request("PATCH", cron_job, {"spec": {"suspend": True, "schedule": "0 0 1 1 *"}})
    checkout.live.request("DELETE", f"{budget}/poddisruptionbudgets/reconciler")
    passes.once().expect()
    assert checkout.live.request("GET", cron_job)["spec"]["schedule"] == "*/3 * * * *"
    assert checkout.live.get(f"{budget}/poddisruptionbudgets/reconciler")
    kept = checkout.live.request("GET", secret)["data"]
    assert kept == {"PULUMI_CONFIG_PASSPHRASE": "YQ=="}


def image_of(cron_job: Body) -> str:
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def test_asking_for_a_pass(checkout: Checkout, passes: Reconciling) -> None:
    """A delivery of the forge starts a Job like those of the CronJob, with the receiver's own
    account; which may start no other Job, and read and write nothing else. A person's command
    does the same. What runs the passes is in the cluster as the config has it."""
    webhook = {"forge": "generic", "secret": "hook"}
    checkout.configure(reconciler=deployed(webhook=webhook))
    checkout.write("one", config_map("a"))
    passes.commit()
    checkout.twice()
    base = f"{checkout.id}-base"
    jobs = f"/apis/batch/v1/namespaces/{base}/jobs"
    cron_job = checkout.live.request("GET", f"/apis/batch/v1/namespaces/{base}/cronjobs/reconciler")
    for name in ("networkpolicies", "poddisruptionbudgets"):
        group = "networking.k8s.io" if name == "networkpolicies" else "policy"
        path = f"/apis/{group}/v1/namespaces/{base}/{name}/reconciler"
        assert checkout.live.request("GET", path)["metadata"]["name"] == "reconciler"

    kubeconfig = account_kubeconfig(checkout, "webhook")
    with closing(Live(kubeconfig)) as live:
        until(lambda: refused(live, "POST", jobs, job_of(cron_job, image="other:1")), "admission")
        other = {**job_of(cron_job), "spec": {"template": {"spec": pod_with_account()}}}
        assert refused(live, "POST", jobs, other)
        assert refused(live, "GET", f"/api/v1/namespaces/{base}/secrets/reconciler")
        assert refused(live, "GET", jobs)
        assert refused(live, "PATCH", f"/apis/batch/v1/namespaces/{base}/cronjobs/reconciler", {})

    assert started(checkout, jobs) == []
    assert deliver(checkout, kubeconfig) == 202
    [first] = until(lambda: started(checkout, jobs), "a Job", seconds=60)
    assert (
        first["spec"]["template"]["spec"]["containers"]
        == (cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"])
    )
    command = [sys.executable, "-m", "reconciler.cli", "reconcile", "--trigger"]
    subprocess.run(command, cwd=checkout.root, env=checkout.environment, check=True)
    assert len(started(checkout, jobs)) == 2


def test_a_loop_is_woken(checkout: Checkout) -> None:
    """Where a loop makes the passes, who asks for one does not wait for the interval."""
    passes = Reconciling(checkout)
    checkout.write("one", config_map("one"))
    passes.commit()
    process = passes.start("--loop", "--interval", "1h")
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["outcome"] == "Synced"
        checkout.write("one", config_map("one", "2"))
        passes.commit()
        command = [sys.executable, "-m", "reconciler.cli", "reconcile", "--trigger"]
        subprocess.run(command, cwd=checkout.root, env=checkout.environment, check=True)
        reports = (json.loads(line) for line in process.stdout)
        assert next(each for each in reports if each["outcome"] == "Synced")
        assert data_of(checkout, "one") == "2"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            process.kill()


def started(checkout: Checkout, path: str) -> list[Body]:
    """The Jobs that somebody asked for."""
    found = checkout.live.request("GET", path)["items"]
    return [each for each in found if each["metadata"]["name"].startswith("reconciler-asked-")]


def job_of(cron_job: Body, *, image: str = "") -> Body:
    """A Job like those of a CronJob, but for its image."""
    spec = json.loads(json.dumps(cron_job["spec"]["jobTemplate"]["spec"]))
    if image:
        spec["template"]["spec"]["containers"][0]["image"] = image
    return thing("batch/v1", "Job", "wrong", spec=spec)


def pod_with_account() -> Body:
    """A Pod with the reconciler's rights and a command of somebody else's."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "main", "image": "other:1", "securityContext": security}
    account = {"serviceAccountName": "reconciler", "restartPolicy": "Never"}
    return {**account, "containers": [container]}


def deliver(checkout: Checkout, kubeconfig: Path) -> int:
    """Start the receiver with its account and send it a push; the status."""
    secret, folder = secrets.token_urlsafe(24), checkout.root.parent
    (folder / "hook").write_text(secret)
    command = [sys.executable, "-m", "reconciler.cli", "webhook", "--forge", "generic"]
    where = ["--address", "127.0.0.1", "--port", "0", "--namespace", f"{checkout.id}-base"]
    process = subprocess.Popen(
        [*command, *where, "--secret-file", str(folder / "hook"), "--stack", checkout.stack],
        env={**checkout.environment, "KUBECONFIG": str(kubeconfig)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        port = int(line.removeprefix("listening on port "))
        moment = str(int(time.time()))
        signed = hmac.new(secret.encode(), f"one.{moment}.".encode(), hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(signed).decode()}"
        headers = {"webhook-id": "one", "webhook-timestamp": moment}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with closing(connection):
            connection.request("POST", "/", b"", {**headers, "webhook-signature": signature})
            status = connection.getresponse().status
        process.send_signal(signal.SIGTERM)  # what was asked for is not lost
        assert process.wait(60) == 0
        return status
    finally:
        process.kill()
        process.communicate()

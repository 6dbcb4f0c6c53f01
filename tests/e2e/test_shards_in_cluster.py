"""The shards of a stack share one account in the cluster, and one stack of definitions."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from gitops.sharding.division import shard_of
from gitops.sharding.settings import Shards
from tests.e2e.checkout import SECONDS, Checkout, application_set
from tests.e2e.in_cluster import IMAGE, account_kubeconfig, deployed, refused
from tests.e2e.live import Body, Live
from tests.e2e.objects import config_map, definition, service, thing
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_reconcile import data_of
from tests.e2e.test_shards import gitops
from tests.gitops.objects import application

pytestmark = pytest.mark.e2e


def names(checkout: Checkout, count: int) -> list[list[str]]:
    """Names of Applications, so many in each of two shards."""
    found: list[list[str]] = [[], []]
    for name in (f"app{number}" for number in range(300)):
        spec = replace(application(), name=f"e2e-{checkout.id}-{name}")
        share = found[shard_of(spec, Shards(count=2))]
        if len(share) < count:
            share.append(name)
    return found


def configure(checkout: Checkout, **deploy: object) -> None:
    checkout.configure(
        application_set(namespace=checkout.namespace),
        source={"repoURL": str(checkout.root)},
        shards={"count": 2},
        definitions={"separate": True},
        reconciler=deployed(**deploy),
    )


def kind_of(checkout: Checkout, kind: str, **labels: str) -> Body:
    body = definition(f"{checkout.id}.example", kind)
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


def test_shards_with_derived_rights(checkout: Checkout) -> None:
    """With one account whose rights are derived from all shards each makes its passes: what it
    applies, what it prunes after another shard has derived the rights anew, and definitions, which
    both apply at the same time. What no Application of either makes necessary is refused."""
    (first, kinds), (second, others) = names(checkout, 2)
    configure(checkout)
    passes = Reconciling(checkout)
    checkout.write(first, config_map("a"))
    checkout.write(second, config_map("b"), service("s"))
    checkout.write(kinds, kind_of(checkout, "Widget"))
    checkout.write(others, kind_of(checkout, "Gadget"))
    passes.commit()
    gitops(checkout, "up", "--yes")
    kubeconfig = account_kubeconfig(checkout)
    checkout.environment = {**checkout.environment, "KUBECONFIG": str(kubeconfig)}
    for shard in ("0", "1"):
        run = passes.once("--shard", shard).expect()
        assert not run.report["warnings"], run.report["warnings"]
        passes.once("--shard", shard).expect(runs=0)

    checkout.write(first, config_map("a", "2"))
    checkout.remove(second)
    configure(checkout, image=f"{IMAGE}-next")  # so that everything is run
    passes.commit()
    assert passes.once("--shard", "0").expect().report["engine"]["full"]
    assert data_of(checkout, "a") == "2"
    with closing(Live(kubeconfig)) as live:
        here = f"/api/v1/namespaces/{checkout.namespace}"
        assert not refused(live, "DELETE", f"{here}/services/s?dryRun=All")
    passes.once("--shard", "1").expect()
    assert checkout.live.find("Service", "s", checkout.namespace) is None
    assert checkout.live.find("ConfigMap", "b", checkout.namespace) is None

    both_at_once(checkout, passes, kinds, others)
    with closing(Live(kubeconfig)) as live:
        deployment = thing("apps/v1", "Deployment", "x")
        path = f"/apis/apps/v1/namespaces/{checkout.namespace}/deployments"
        assert refused(live, "POST", path, deployment)
        assert refused(live, "GET", "/api/v1/secrets")
        assert refused(live, "POST", "/api/v1/namespaces/default/configmaps", config_map("x"))


def both_at_once(checkout: Checkout, passes: Reconciling, kinds: str, others: str) -> None:
    """Definitions of both shards change, and both make a pass at the same time."""
    checkout.write(kinds, kind_of(checkout, "Widget", size="2"))
    checkout.write(others, kind_of(checkout, "Gadget", size="2"))
    passes.commit()
    running = [passes.start("--once", "--shard", shard) for shard in ("0", "1")]
    for each in running:
        output, errors = each.communicate(timeout=SECONDS * 2)
        assert each.returncode == 0, (output, errors)
        assert json.loads(output)["outcome"] == "Synced", output
    for shard in ("0", "1"):
        passes.once("--shard", shard).expect(runs=0)
    for kind in ("widget", "gadget"):
        name = f"{kind}s.{checkout.id}.example"
        found = checkout.live.find("CustomResourceDefinition", name)
        assert found
        assert found["metadata"]["labels"]["size"] == "2"

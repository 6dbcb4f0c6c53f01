"""What an Application's directory sets for itself holds for it alone, from the next sync on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.e2e.checkout import PROJECT, Checkout, application_set
from tests.e2e.live import Body
from tests.e2e.objects import config_map
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_reconcile import until_synced

pytestmark = pytest.mark.e2e
FILE = ".home-ops.yaml"


def settings(checkout: Checkout, name: str, **values: Any) -> None:
    """Write an Application's own settings."""
    checkout.text(name, FILE, json.dumps(values))


def value(checkout: Checkout, name: str, namespace: str = "") -> Any:
    """What a ConfigMap holds."""
    found = checkout.live.find("ConfigMap", name, namespace or checkout.namespace)
    return found and found["data"]["value"]


def drift(checkout: Checkout, name: str) -> None:
    """Change a ConfigMap behind Git's back."""
    path = f"/api/v1/namespaces/{checkout.namespace}/configmaps/{name}"
    checkout.live.request("PATCH", path, {"data": {"value": "drifted"}})


def labels(checkout: Checkout) -> Body:
    """The labels of the namespace."""
    found = checkout.live.find("Namespace", checkout.namespace)
    assert found
    return dict(found["metadata"]["labels"])


def healing_set() -> Body:
    """A set whose Applications are healed, for two namespaces."""
    made = application_set()
    made["template"]["spec"]["syncPolicy"]["automated"]["selfHeal"] = True
    return made


def test_settings_take_effect(checkout: Checkout) -> None:
    """A commit that changes nothing but an Application's settings is noticed: self-healing is off,
    sync options and the namespace's labels are applied without touching any other Application, and
    the next pass has nothing to do; what a directory may not do is left to its project."""
    other, here = f"{checkout.id}-other", (checkout.namespace,)
    limits = [{"namespace": f"{checkout.id}*"}, {"namespace": f"!{checkout.id}-closed"}]
    project = {**PROJECT, "destinations": limits}
    checkout.configure(healing_set(), projects=[project])
    passes = Reconciling(checkout)
    hook = config_map("hook", annotations={"argocd.argoproj.io/hook": "PreSync"})
    checkout.write("mine", *(config_map(f"mine-{number}") for number in range(6)), hook)
    checkout.write("healed", config_map("healed"))
    passes.commit()
    passes.once().expect(runs=1)

    # who decides: nothing is applied, and the next drift is left alone
    settings(checkout, "mine", syncPolicy={"automated": {"selfHeal": False}})
    passes.commit()
    passes.once().expect(runs=0)
    drift(checkout, "mine-0")
    run = passes.once().expect(runs=0)
    assert run.sync("mine") == "OutOfSync"
    assert "selfHeal is off" in run.app("mine")["decision"]["reason"]
    assert value(checkout, "mine-0") == "drifted"
    (checkout.app("mine") / FILE).unlink()
    passes.commit()
    until_synced(passes, "mine")
    assert value(checkout, "mine-0") == "1"

    # what the engine has to be told: how objects are deleted, and nobody else's are touched
    versions, hooked = checkout.versions(), checkout.live.uid("ConfigMap", "hook", *here)
    policy: Body = {"syncOptions": ["PrunePropagationPolicy=orphan"]}
    settings(checkout, "mine", syncPolicy=policy, metadata={"labels": {"team": "a"}})
    passes.commit()
    run = passes.once().expect(runs=1)
    assert not run.report["engine"]["full"], run.report
    assert run.app("mine")["decision"]["reason"] == "its settings in Git have changed"
    found = checkout.live.find("ConfigMap", "mine-0", checkout.namespace)
    assert found
    policies = {k: v for k, v in found["metadata"]["annotations"].items() if "ropagation" in k}
    assert list(policies.values()) == ["orphan"]
    untouched = [key for key in versions if key.name == "healed"]
    assert untouched
    assert [checkout.versions()[key] for key in untouched] == [versions[key] for key in untouched]
    assert checkout.live.uid("ConfigMap", "hook", *here) == hooked, "no hook ran"
    passes.once().expect(runs=0)

    # the namespace is shared, and what each asks for counts
    policy["managedNamespaceMetadata"] = {"labels": {"tier": "gold"}}
    settings(checkout, "mine", syncPolicy=policy)
    passes.commit()
    passes.once().expect()
    assert labels(checkout)["tier"] == "gold"
    passes.once().expect(runs=0)
    settings(checkout, "mine", syncPolicy={"automated": True})
    passes.commit()
    passes.once().expect(1)
    checkout.up().failed()
    assert labels(checkout)["tier"] == "gold"

    # another namespace: all of its objects go, so the gate asks; the file carries the answer
    settings(checkout, "mine", destination={"namespace": other})
    passes.commit()
    run = passes.once()
    assert value(checkout, "mine-0") == "1"
    assert value(checkout, "mine-0", other) is None
    tokens = re.findall(r"prune-[0-9a-f]{16}", json.dumps(run.report) + run.errors)
    assert tokens, (run.report, run.errors)
    settings(checkout, "mine", destination={"namespace": other}, confirm=tokens[:1])
    passes.commit()
    passes.once().expect()
    assert value(checkout, "mine-0", other) == "1"
    assert value(checkout, "mine-0") is None
    assert value(checkout, "healed") == "1"
    passes.once().expect(runs=0)

    # its project says where it may go, and a file nobody can read changes nothing
    for wrong, said in (
        ({"destination": {"namespace": f"{checkout.id}-closed"}}, "does not permit namespace"),
        ({"syncPolicy": {"selfHeal": True}}, "apps/{id}/mine/.home-ops.yaml: syncPolicy.selfHeal"),
    ):
        settings(checkout, "mine", **wrong)
        checkout.write("healed", config_map("healed", data=said[:4].strip()))
        passes.commit()
        run = passes.once().expect(1)
        assert said.format(id=checkout.id) in run.errors, run.errors
        assert run.sync("mine") == "Unknown"
        assert value(checkout, "mine-0", other) == "1"
        assert value(checkout, "healed") == said[:4].strip()
        assert "mine" in passes.records()

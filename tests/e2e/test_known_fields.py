"""A field that a kind of Kubernetes' own does not have is refused, not left out in silence."""

from __future__ import annotations

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.objects import config_map, options, service
from tests.e2e.reconciling import Reconciling

pytestmark = pytest.mark.e2e


def test_unknown_fields(checkout: Checkout) -> None:
    """A preview names the object and the field, also where the namespace is not made yet; a run
    and a pass leave the Application as it is and sync all others. With Validate=false the field
    is left out, as before."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    passes = Reconciling(checkout)
    wrong = service("wrong")
    wrong["spec"]["sessionAfinity"] = "ClientIP"
    checkout.write("one", wrong, config_map("one"))
    checkout.write("other", config_map("other"))
    said = (
        f"{checkout.id}/one: Service {checkout.namespace}/wrong has what v1 does not have: "
        'spec.sessionAfinity (did you mean "sessionAffinity"?); correct it, or set Validate=false '
        "to have it left out"
    )
    assert checkout.preview().failed().messages(f"{checkout.id}/one") == [said]
    assert checkout.up().failed().messages(f"{checkout.id}/one") == [said]
    assert [key.name for key in checkout.uids()] == ["other"]

    asked = {**wrong, "metadata": {**wrong["metadata"], "annotations": options("Validate=false")}}
    checkout.write("one", asked, config_map("one"))
    checkout.twice()
    passes.commit()
    passes.once().expect(runs=1)
    before = checkout.versions()

    asked["spec"]["sessionAfinity"] = "None"
    del asked["metadata"]["annotations"]
    checkout.write("one", asked, config_map("one", "2"))
    checkout.write("other", config_map("other", "2"))
    passes.commit()
    failed = passes.once().expect(1)
    assert "spec.sessionAfinity" in failed.app("one")["operation"]["message"]
    assert failed.sync("other") == "Synced"
    changed = {key.name for key, each in checkout.versions().items() if before.get(key) != each}
    assert "other" in changed and not changed & {"one", "wrong"}

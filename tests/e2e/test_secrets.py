"""What is in a Secret is written nowhere but into the cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import NewCheckout
from tests.e2e.live import Body

pytestmark = pytest.mark.e2e

SIGNATURE = "4dabf18193072939515e22adb298388d"
VALUES = ("correct-horse", "battery-staple", "tr0ub4dor", "generated-one", "generated-two")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A Secret's life: created, changed, kept as a stub, and in an Application that broke."""

    checkout: Checkout
    outputs: str
    states: tuple[str, ...]
    stored: tuple[list[Body], ...]


@pytest.fixture(scope="module")
def life(new_checkout: NewCheckout) -> Life:
    """All of it, with every way Pulumi has to show it."""
    checkout = new_checkout("secrets")
    outputs, states, stored = [], [], []
    for step in (create, change, keep):
        step(checkout)
        runs = [checkout.preview("--diff"), checkout.up("--diff")]
        if step is not keep:  # where one Application is broken, and so the run
            runs = [run.succeeded() for run in runs]
        outputs += [run.output for run in runs]
        states.append(checkout.state_text())
        stored.append(checkout.state())
    outputs.append(checkout.pulumi("stack", "--show-ids", "--show-urns").output)
    outputs.append(checkout.pulumi("stack", "history", "--full-dates").output)
    return Life(
        checkout=checkout, outputs="\n".join(outputs), states=tuple(states), stored=tuple(stored)
    )


def create(checkout: Checkout) -> None:
    """Secrets with plain and encoded data, and one that kustomize makes."""
    checkout.write("app", secret("login", VALUES[0]), secret("stays", VALUES[2], kept=True))
    generator = f"secretGenerator: [{{name: made, literals: [key={VALUES[3]}]}}]\n"
    checkout.text("generated", "kustomization.yaml", generator)


def change(checkout: Checkout) -> None:
    """Other values in the same Secrets."""
    checkout.write("app", secret("login", VALUES[1]), secret("stays", VALUES[2], kept=True))
    generator = f"secretGenerator: [{{name: made, literals: [key={VALUES[4]}]}}]\n"
    checkout.text("generated", "kustomization.yaml", generator)


def keep(checkout: Checkout) -> None:
    """One Secret leaves Git and is kept; the Application of another breaks."""
    checkout.write("app", secret("login", VALUES[1]))
    checkout.text("generated", "kustomization.yaml", "secretGenerator: {")


def secret(name: str, value: str, *, kept: bool = False) -> Body:
    """A Secret that holds a value twice."""
    annotations = objects.options("Prune=false") if kept else None
    data = {"encoded": base64.b64encode(value.encode()).decode()}
    text = {"plain": value}
    return objects.thing("v1", "Secret", name, annotations=annotations, data=data, stringData=text)


def forms() -> Iterator[str]:
    """The values as they could be written."""
    for value in VALUES:
        yield value
        yield base64.b64encode(value.encode()).decode().rstrip("=")


def test_values_reach_the_cluster(life: Life) -> None:
    """The Secrets are there and hold the last values; else nothing could leak."""
    live, namespace = life.checkout.live, life.checkout.namespace
    for name, value in (("login", VALUES[1]), ("stays", VALUES[2])):
        found = live.find("Secret", name, namespace)
        assert found
        assert {base64.b64decode(v).decode() for v in found["data"].values()} == {value}


def test_no_output_shows_a_value(life: Life) -> None:
    """Neither ``preview --diff`` nor ``up --diff`` nor a look at the stack."""
    assert "[secret]" in life.outputs
    assert [form for form in forms() if form in life.outputs] == []


def test_state_holds_only_ciphertext(life: Life) -> None:
    """In every state the data of every Secret is encrypted, that of kept ones as well."""
    for state, stored in zip(life.states, life.stored, strict=True):
        assert [form for form in forms() if form in state] == []
        secrets = [each for each in stored if each["type"] == "kubernetes:core/v1:Secret"]
        assert len(secrets) >= 3
        for each in secrets:
            for part in ("data", "stringData"):
                written = [each[side][part] for side in ("inputs", "outputs") if part in each[side]]
                assert all(SIGNATURE in found for found in written), each["urn"]


def test_files_with_values_are_their_owners_alone(life: Life) -> None:
    """Where a run leaves a value on disk, in the cache of renders, nobody else can read it."""
    root = life.checkout.root
    for path in root.parent.rglob("*"):
        if path.is_file() and not path.is_relative_to(root) and holds_a_value(path):
            folders = [parent for parent in path.parents if parent.is_relative_to(root.parent)]
            assert any(part.stat().st_mode & 0o077 == 0 for part in (path, *folders[:-1])), path


def holds_a_value(path: Path) -> bool:
    """Whether a value is in a file as it is."""
    content = path.read_bytes().decode("utf-8", "replace")
    return any(form in content for form in forms())


def test_event_log_holds_no_value(life: Life) -> None:
    """What tools that follow the engine are told is masked as well."""
    life.checkout.write("app", secret("login", VALUES[0]))
    life.checkout.preview()
    log = (life.checkout.root.parent / "events.json").read_text()
    assert json.dumps(life.checkout.namespace + "/login")[1:-1] in log
    assert [form for form in forms() if form in log] == []

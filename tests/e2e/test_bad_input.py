"""Whatever a tree holds, state and cluster stay as they were and the message says what to do.

All Applications that cannot be read or rendered break in one tree, which is what isolates them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e import objects
from tests.e2e.checkout import MIRROR, REPOSITORY, Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.live import Body

pytestmark = pytest.mark.e2e

LOCKED = "oci://charts.home-ops.example/locked"
NO_DIGEST = f"sha256:{'0' * 64}"
LINKS = ("linked-file", "linked-directory")


class Bad(NamedTuple):
    """A directory's files, what the message about it holds, and how that ends."""

    files: Mapping[str, str | bytes]
    reason: tuple[str, ...]
    remedy: str


def text(*bodies: Body) -> str:
    """Objects as a file."""
    return "".join(f"---\n{json.dumps(body)}\n" for body in bodies)


def chart(name: str, version: str, values: str = "{}", repo: str = MIRROR) -> str:
    """A kustomization with one chart."""
    return f"""
helmCharts:
  - {{name: {name}, repo: "{repo}", version: {version}, releaseName: x, valuesInline: {values}}}
"""


CASES: Mapping[str, Bad] = {
    "no-recognised-file": Bad({"README.md": "hello\n"}, ("kustomization.yaml",), "directory"),
    "broken-yaml": Bad(
        {"objects.yaml": "a: 1\nb: [\n"}, ("objects.yaml:3: broken YAML",), "syntax there"
    ),
    "duplicate-key": Bad(
        {"objects.yaml": "apiVersion: v1\nkind: ConfigMap\nkind: Secret\n"},
        ("objects.yaml:3: key 'kind'", "line 2"),
        "remove",
    ),
    "missing-file": Bad(
        {"kustomization.yaml": "resources: [nowhere.yaml]\n"},
        ("nowhere.yaml", "does not exist"),
        "reference",
    ),
    "no-such-chart": Bad(
        {"kustomization.yaml": chart("absent", "1.0.0")}, ("absent 1.0.0",), "version"
    ),
    "no-such-version": Bad(
        {"kustomization.yaml": chart("generic", "9.9.9")}, ("generic 9.9.9", "1.2.0"), "version"
    ),
    "wrong-checksum": Bad(
        {"kustomization.yaml": chart("generic", "1.2.0", repo=LOCKED)},
        ("other bytes than were locked", NO_DIGEST),
        "gitops charts lock",
    ),
    "values-break-template": Bad(
        {"kustomization.yaml": chart("generic", "1.2.0", "{service: {main: 5}}")},
        ("values-break-template: kustomize build failed: values", "at '/service/main'"),
        "to try: kustomize build",
    ),
    "no-kind": Bad({"objects.yaml": "apiVersion: v1\nmetadata: {name: x}\n"}, ("kind",), "text"),
    "no-name": Bad(
        {"objects.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"},
        ("ConfigMap", "metadata.name"),
        "text",
    ),
    "Not_A_Label": Bad(
        {"objects.yaml": text(objects.config_map("x"))}, ("DNS label",), "63 at most"
    ),
    "not-utf-8": Bad({"objects.yaml": b"kind: \xff\xfe\n"}, ("objects.yaml", "UTF-8"), "UTF-8"),
    "too-large": Bad(
        {"objects.yaml": text(objects.config_map("large", "x" * 1_100_000))},
        ("1,100,000 bytes", "1,048,576"),
        "outside the cluster",
    ),
    "no-definition": Bad(
        {"objects.yaml": text(objects.thing("nobody.example/v1", "Unknown", "x"))},
        ("neither the cluster nor any Application provides the kind Unknown",),
        "kind",
    ),
    "z-claims-another-s": Bad(
        {"objects.yaml": text(objects.config_map("healthy", "other"))},
        ("healthy", "also rendered by"),
        "Applications",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A run over a tree with everything bad in it, and what there was before and after."""

    checkout: Checkout
    before: tuple[Any, Any]
    run: EngineRun
    after: tuple[Any, Any]

    def message(self, name: str) -> str:
        """The one message about an Application."""
        subject = f"{self.checkout.id}/{name}"
        found = [*self.run.messages(subject), *self.run.messages(f"apps/{subject}")]
        assert len(found) == 1, self.run.output
        return found[0]


def situation(checkout: Checkout) -> tuple[Any, Any]:
    """What the state and the cluster hold."""
    state = {each["urn"]: (each.get("inputs"), each.get("id")) for each in checkout.state()}
    return state, checkout.versions()


@pytest.fixture(scope="module")
def refusal(new_checkout: NewCheckout) -> Refusal:
    """Deploy a good tree, let most of it go bad at once, deploy."""
    checkout = new_checkout("bad-input")
    outside = checkout.root.parent / "outside"
    shutil.copytree(REPOSITORY / "charts" / "generic", outside / "generic")
    checkout.copy_chart("generic")
    checkout.configure(
        application_set("strict", path=f"apps/{checkout.id}/*", allow_empty=False),
        application_set("lenient", path="apps/lenient/*", namespace=checkout.id),
        application_set("twins", path="apps/twins-*/*", application="twin", namespace=checkout.id),
        chartMirrors={MIRROR: "charts", LOCKED: str(outside)},
    )
    for name in ("healthy", "lenient/empties", "twins-a/twin", *CASES, *LINKS):
        if name != "Not_A_Label":
            checkout.write(name, objects.config_map(name.rpartition("/")[2]))
    checkout.up().succeeded()
    before = situation(checkout)
    spoil(checkout, outside)
    run = checkout.up().failed()
    return Refusal(checkout=checkout, before=before, run=run, after=situation(checkout))


def spoil(checkout: Checkout, outside: Path) -> None:
    """Give every directory its bad content."""
    for name, bad in CASES.items():
        shutil.rmtree(checkout.app(name), ignore_errors=True)
        for file, content in bad.files.items():
            checkout.text(name, file, content)
    (outside / "objects.yaml").write_text(text(objects.config_map("outside")))
    shutil.rmtree(checkout.app("linked-directory"))
    checkout.app("linked-directory").symlink_to(outside)
    (checkout.app("linked-file") / "link.yaml").symlink_to(outside / "objects.yaml")
    checkout.write("twins-b/twin", objects.config_map("other-twin"))
    locked = {"repo": LOCKED, "name": "generic", "version": "1.2.0", "digest": NO_DIGEST}
    (checkout.root / "charts.lock").write_text(json.dumps({"charts": [locked]}))


@pytest.mark.parametrize("name", CASES)
def test_bad_directory(refusal: Refusal, name: str) -> None:
    """The message about each bad directory starts with it, says what is wrong and where, and ends
    with what to do."""
    message = refusal.message(name)
    for part in CASES[name].reason:
        assert part in message
    assert CASES[name].remedy in message.rpartition("; ")[2]


@pytest.mark.parametrize("name", LINKS)
def test_link_out_of_the_tree(refusal: Refusal, name: str) -> None:
    """No file outside the repository is read."""
    assert "symbolic link" in refusal.message(name)


def test_two_applications_with_one_name(refusal: Refusal) -> None:
    """Both directories are named."""
    subject = "twins-a/twin and twins-b/twin"
    (message,) = refusal.run.messages(subject)
    assert "more than one Application would be named 'twin'" in message


def test_state_and_cluster_stay_as_they_were(refusal: Refusal) -> None:
    """With all of that in one tree nothing is created, changed or deleted."""
    assert refusal.after == refusal.before
    assert refusal.run.changes == []


def test_nothing_is_waited_for(refusal: Refusal) -> None:
    """A custom resource without its definition fails at once: the provider alone would hold the run
    for 63 seconds."""
    assert refusal.run.seconds < 30


def test_empty_application_where_allowed(refusal: Refusal) -> None:
    """Where allowEmpty is set, an Application may render to nothing, and its objects go."""
    checkout = refusal.checkout
    checkout.text("lenient/empties", "objects.yaml", "# nothing\n")
    for name in (*CASES, *LINKS):
        path = checkout.app(name)
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    checkout.remove("twins-b/twin")
    run = checkout.up().succeeded()
    assert f"ConfigMap {checkout.namespace}/empties" in run.deleted
    assert not checkout.live.find("ConfigMap", "empties", checkout.namespace)


def test_whole_tree_unreadable(checkout: Checkout) -> None:
    """A missing apps/ and a wrong key in the config end the run before anything is registered."""
    checkout.write("app", objects.config_map("app"))
    checkout.up().succeeded()
    before = situation(checkout)
    checkout.configure(applicationsets=[])
    (message,) = checkout.up().failed().messages("config home-ops:applicationsets")
    assert "applicationSets" in message
    checkout.configure()
    (checkout.root / "apps").rename(checkout.root / "applications")
    (message,) = checkout.up().failed().messages("apps/")
    assert message.endswith("or name the repository's root")
    assert situation(checkout) == before


def test_object_the_api_server_refuses(checkout: Checkout) -> None:
    """What only the API server can judge fails in the preview, with the object and the field."""
    bad = objects.deployment("bad")
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = None
    bad["spec"]["replicas"] = "many"
    checkout.write("app", objects.config_map("good"), bad)
    run = checkout.preview()
    assert run.exit_code != 0
    assert f"{checkout.namespace}/bad" in run.output
    assert "replicas" in run.output


def test_cluster_unreachable(checkout: Checkout) -> None:
    """A preview goes on with the pinned versions and says so; an update fails within seconds, and
    neither touches the state."""
    checkout.write("app", objects.config_map("app"))
    checkout.up().succeeded()
    before = situation(checkout)
    checkout.write("app", objects.config_map("app", data="2"), objects.config_map("more"))
    with checkout.unreachable():
        planned = checkout.preview()
        run = checkout.up().failed()
    assert planned.exit_code == 0, planned.output
    assert "Previewing with the pinned Kubernetes 1.36.3" in planned.output
    assert planned.created == [f"ConfigMap {checkout.namespace}/more"]
    assert run.seconds < 10
    assert situation(checkout) == before

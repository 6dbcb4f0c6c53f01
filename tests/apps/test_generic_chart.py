"""Does the generic chart refuse what it cannot render, and ask the cluster's version?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apps.rendered import ROOT

CONTAINER: dict[str, Any] = {
    "image": {"repository": "registry.example/app", "tag": "1.0"},
    "ports": {"http": {"containerPort": 8080}},
    "resources": {"requests": {"cpu": "10m"}},
}


def values(**more: Any) -> dict[str, Any]:
    return {"controllers": {"main": {"containers": {"main": CONTAINER}}}, **more}


def helm_template(
    directory: Path, given: dict[str, Any], *, kube_version: str = "1.36.3"
) -> subprocess.CompletedProcess[str]:
    helm = shutil.which("helm")
    assert helm, "no helm on PATH"
    file = directory / "values.yaml"
    file.write_text(yaml.safe_dump(given), "utf-8")
    chart = str(ROOT / "charts/generic")
    command = [helm, "template", "app", chart, "-f", str(file), "--kube-version", kube_version]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def documents(outcome: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert outcome.returncode == 0, outcome.stderr
    return [d for d in yaml.safe_load_all(outcome.stdout) if d]


def test_one_container_is_enough(tmp_path: Path) -> None:
    """The least there can be gives one confined Deployment named as the release."""
    (deployment,) = documents(helm_template(tmp_path, values()))
    assert (deployment["kind"], deployment["metadata"]["name"]) == ("Deployment", "app")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (values(controlers={}), "controlers"),
        (values(service={"main": {"ports": {"http": {"port": "80"}}}}), "port"),
        (values(route={"main": {"hostnames": ["a.example"]}}), 'no service "main"'),
        (
            values(
                service={"main": {"ports": {"http": {"port": 80}}}},
                route={"main": {"hostnames": ["a.example"], "port": "web"}},
            ),
            'no port "web"',
        ),
        (
            {
                "controllers": {
                    "main": {
                        "containers": {
                            "main": {
                                **CONTAINER,
                                "image": {"repository": "registry.example/app", "tag": "latest"},
                            }
                        }
                    }
                }
            },
            "tag",
        ),
    ],
    ids=["unknown-key", "port-as-text", "route-without-service", "unknown-port", "latest"],
)
def test_wrong_values_are_refused_by_name(
    wrong: dict[str, Any], named: str, tmp_path: Path
) -> None:
    """A typing error never renders to something else; the message holds the word to look for."""
    outcome = helm_template(tmp_path, wrong)
    assert outcome.returncode != 0
    assert named in outcome.stderr


def test_the_clusters_version_decides_what_is_rendered(tmp_path: Path) -> None:
    """A budget gets its eviction policy where the cluster knows it; an old cluster is refused."""
    given = values()
    given["controllers"]["main"]["disruptionBudget"] = {"maxUnavailable": 1}

    def budget(version: str) -> dict[str, Any]:
        found = documents(helm_template(tmp_path, given, kube_version=version))
        (spec,) = [d["spec"] for d in found if d["kind"] == "PodDisruptionBudget"]
        return dict(spec)

    assert budget("1.36.3")["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert "unhealthyPodEvictionPolicy" not in budget("1.29.0")
    outcome = helm_template(tmp_path, given, kube_version="1.20.0")
    assert "incompatible with Kubernetes" in outcome.stderr


def test_changed_settings_roll_the_pods(tmp_path: Path) -> None:
    """The pod template changes with the chart's ConfigMaps, and only with them."""

    def template(text: str) -> Any:
        given = values(configMaps={"main": {"data": {"a": text}}})
        found = documents(helm_template(tmp_path, given))
        return next(d for d in found if d["kind"] == "Deployment")["spec"]["template"]

    assert template("1") == template("1")
    assert template("1") != template("2")

"""ApplicationSets: what each generator, template and policy makes, case by case.

A case is a file in ``tests/testdata/argocd/application_sets``: a set's spec, the repository and the
clusters it reads, and the Applications or errors that come of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops import yaml_reader
from gitops.application import ApplicationSpec
from gitops.argocd import application_sets
from gitops.argocd.application_sets import Surroundings
from gitops.argocd.templating import Templates
from gitops.errors import DiscoveryError
from tests.gitops.argocd.clusters import clusters_of
from tests.gitops.rendering import write

CASES = Path(__file__).parents[2] / "testdata" / "argocd" / "application_sets"
LIST = {"generators": [{"list": {"elements": [{"name": "one"}]}}]}
TEMPLATE = {
    "metadata": {"name": "{{name}}"},
    "spec": {
        "project": "default",
        "source": {"repoURL": "here", "path": "apps"},
        "destination": {"name": "in-cluster", "namespace": "x"},
    },
}


def made(
    case: dict[str, Any], root: Path, templates: Templates
) -> tuple[list[ApplicationSpec], list[DiscoveryError]]:
    """What a case's set makes."""
    root.mkdir(exist_ok=True)
    write(root, dict.fromkeys(case.get("files", ()), "") | case.get("contents", {}))
    settings = {key: case[key] for key in ("clusters", "elsewhere") if key in case}
    around = Surroundings(
        templates=templates,
        trees=lambda _url, _revision: root,
        clusters=clusters_of(**settings),
        policy=case.get("policy", ""),
    )
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "tested"},
        "spec": case["spec"],
    }
    return application_sets.read(body, origin="sets.yaml", around=around)


def shown(spec: ApplicationSpec) -> dict[str, Any]:
    """The parts of an Application that cases look at."""
    return {
        "path": spec.source.path,
        "namespace": spec.destination.namespace,
        "project": spec.project,
        "labels": spec.labels,
        "annotations": spec.annotations,
        "options": spec.sync_policy.sync_options,
        "prune": spec.sync_policy.prune,
        "preserved": spec.preserved,
    }


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.iterdir()))
def test_cases(case: str, tmp_path: Path) -> None:
    """Each case makes the Applications it names, no other, and the errors it names."""
    loaded = yaml_reader.load((CASES / f"{case}.yaml").read_bytes())[0]
    with Templates() as templates:
        specs, errors = made(loaded, tmp_path / "tree", templates)
    wanted = loaded.get("applications", {})
    text = "\n".join(map(str, errors))
    assert bool(errors) == bool(loaded.get("errors")), text
    for part in loaded.get("errors", ()):
        assert part in text
    assert {spec.name for spec in specs} == set(wanted), text
    for spec in specs:
        found = shown(spec)
        assert {key: found[key] for key in wanted[spec.name]} == wanted[spec.name]
        assert spec.application_set == "tested"
        assert spec.origin == "ApplicationSet tested (sets.yaml)"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"generators": [{"scmProvider": {}}]}, "scmProvider is not supported"),
        ({"generators": [{"scmProvider": {"github": {}}}]}, "scmProvider is not supported"),
        ({"generators": [{"pullRequest": {"github": {}}}]}, "pullRequest is not supported"),
        ({"generators": [{"plugin": {"configMapRef": {"name": "x"}}}]}, "plugin is not supported"),
        (
            {"generators": [{"clusterDecisionResource": {"configMapRef": "x"}}]},
            "clusterDecisionResource is not supported",
        ),
        ({"generators": [{}]}, "an entry of generators has no generator"),
        ({"generators": [{"lists": {}}]}, "generators[0].lists there is no such key"),
        (
            {"generators": [{"list": {"elements": []}, "clusters": {}}]},
            "an entry of generators has list and clusters",
        ),
        ({"generators": [{"git": {"repoURL": "x"}}]}, "it has neither directories nor files"),
        ({"generators": [{"matrix": {"generators": [{"list": {}}]}}]}, "has 1 entries"),
        ({"generators": [{"list": {"elements": [{"n": 1}]}}]}, "the element's n is no text"),
        ({"generators": [{"list": {"elementsYaml": "a: b"}}]}, "elementsYaml is no list"),
        (
            {"generators": [{"list": {"elements": [{}]}, "selector": {"matchLabel": {}}}]},
            "selector.matchLabel there is no such key",
        ),
        (
            {**LIST, "strategy": {"type": "RollingSync"}},
            "spec.strategy.type RollingSync is not supported",
        ),
        (
            {**LIST, "strategy": {"rollingSync": {"steps": [{}]}}},
            "spec.strategy.rollingSync is not supported",
        ),
        (
            {**LIST, "strategy": {"deletionOrder": "Reverse"}},
            "spec.strategy.deletionOrder is not supported",
        ),
        (
            {**LIST, "syncPolicy": {"applicationsSync": "create"}},
            "use one of create-delete, create-only, create-update, sync",
        ),
        ({**LIST, "goTemplateOptions": ["missingkey=eror"]}, "use one of missingkey=error"),
        ({**LIST, "templatePatch": "- a"}, "spec.templatePatch is no mapping"),
        ({**LIST, "templatePatch": "{$patch: delete}"}, "it has the directive $patch"),
        (
            {
                "generators": [
                    {
                        "matrix": {
                            "generators": [
                                {"list": {"elements": [], "template": {"metadata": {"name": "x"}}}},
                                {"list": {}},
                            ]
                        }
                    }
                ]
            },
            "template is not supported: ArgoCD passes over a template of a nested generator",
        ),
        (
            {
                "generators": [
                    {
                        "merge": {
                            "mergeKeys": ["a"],
                            "generators": [
                                {"list": {"elements": [{"a": "1"}, {"a": "1"}]}},
                                {"list": {}},
                            ],
                        }
                    }
                ]
            },
            "two sets of parameters have the same mergeKeys",
        ),
        (
            {
                "generators": [
                    {
                        "matrix": {
                            "generators": [
                                {"list": {"elements": [{"a": "1"}]}},
                                {"list": {"elements": [{"a": "2"}]}},
                            ]
                        }
                    }
                ]
            },
            "both generators have a",
        ),
    ],
)
def test_refused(spec: dict[str, Any], said: str, tmp_path: Path) -> None:
    """What is not supported is refused by name, and the set then makes nothing."""
    with Templates() as templates:
        specs, errors = made({"spec": {"template": TEMPLATE, **spec}}, tmp_path, templates)
    assert specs == []
    assert said in "\n".join(map(str, errors))
    assert all(error.remedy for error in errors)


def test_files_of_a_generator_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """A file that is no mapping makes no Application, and neither does the rest of its set."""
    for content, said in (("just text", "neither a mapping nor a list"), ("a: [", "a.yaml:")):
        git = {"repoURL": "here", "files": [{"path": "a.yaml"}]}
        spec = {"template": TEMPLATE, "generators": [{"git": git}]}
        with Templates() as templates:
            specs, errors = made(
                {"spec": spec, "contents": {"a.yaml": content}}, tmp_path, templates
            )
        assert specs == []
        assert said in str(errors[0])


def test_go_templates_start_one_program_and_the_older_form_none(tmp_path: Path) -> None:
    """Many templates share one process, and a repository without Go templates needs none."""
    elements = [{"name": f"app-{index}"} for index in range(20)]
    spec = {"template": TEMPLATE, "generators": [{"list": {"elements": elements}}]}
    with Templates() as templates:
        specs, _ = made({"spec": spec}, tmp_path, templates)
        assert len(specs) == 20
        assert not templates.started
        go = {**TEMPLATE, "metadata": {"name": "{{ .name }}"}}
        specs, errors = made(
            {"spec": {**spec, "template": go, "goTemplate": True}}, tmp_path, templates
        )
        assert [len(specs), errors] == [20, []]
        assert templates.started
    assert not templates.started

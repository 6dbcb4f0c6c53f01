"""Templates fill in what is known of a directory, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.errors import DiscoveryError
from gitops.templates.template import expand, path_parameters, prepare

PARAMETERS = {
    **path_parameters("apps/media/Jelly_Fin"),
    "cluster": "pitower",
    "values.tier": "gold",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{path}}", "apps/media/Jelly_Fin"),
        ("{{path.basename}}", "Jelly_Fin"),
        ("{{path.basenameNormalized}}", "jelly-fin"),
        ("{{path[0]}}-{{path[1]}}", "apps-media"),
        ("{{category}}", "media"),
        ("{{  cluster\t}}", "pitower"),
        ("{{values.tier}}", "gold"),
        ("a {{cluster}} b {{category}} c", "a pitower b media c"),
        ("{{ .path.path }}", "apps/media/Jelly_Fin"),
        ("{{.path.basename}}", "Jelly_Fin"),
        ("{{ index .path.segments 1 }}", "media"),
        ("no {braces} here", "no {braces} here"),
        ("", ""),
    ],
)
def test_fills_in(text: str, filled: str) -> None:
    """Every form of a parameter that ArgoCD's templates have is filled in."""
    assert expand(text, PARAMETERS, subject="apps/media/x") == filled


def test_keys_and_values_at_any_depth() -> None:
    """Keys, values and list entries are filled in; other types stay as they are."""
    value = {"{{category}}": [{"a": "{{cluster}}", "n": 3}, True, None], "b": "c"}
    assert expand(value, PARAMETERS, subject="x") == {
        "media": [{"a": "pitower", "n": 3}, True, None],
        "b": "c",
    }
    assert value["{{category}}"] == [{"a": "{{cluster}}", "n": 3}, True, None]


@pytest.mark.parametrize("value", ["a", {"a": ["b", 1]}, [], None, 3])
def test_nothing_to_fill_in(value: Any) -> None:
    """A value without a placeholder is given back as it is, and needs no filling."""
    assert prepare(value) is None
    assert expand(value, {}, subject="x") is value


def test_what_is_filled_in_is_not_read_again() -> None:
    """A parameter's own braces are text, so a directory's name cannot reach other parameters."""
    assert expand("{{a}}", {"a": "{{b}}", "b": "secret"}, subject="x") == "{{b}}"


def test_a_missing_key_is_an_error() -> None:
    """A parameter that does not exist is named, with those that do and the likely one."""
    with pytest.raises(DiscoveryError) as caught:
        expand({"a": "{{path.basname}}"}, PARAMETERS, subject="apps/media/x")
    text = str(caught.value)
    assert text.startswith("apps/media/x: the template names {{path.basname}}")
    assert "cluster, path, path.basename, " in text
    assert text.endswith('did you mean "path.basename"?')


def test_a_segment_that_is_not_there() -> None:
    """A path has only as many segments as it has."""
    with pytest.raises(DiscoveryError, match=r"\{\{path\[3\]\}\}"):
        expand("{{path[3]}}", PARAMETERS, subject="x")


@pytest.mark.parametrize(
    "text", ["{{ .path.basename | upper }}", "{{ if .x }}y{{ end }}", "{{}}", '{{"a"}}', "{{a b}}"]
)
def test_functions_are_refused(text: str) -> None:
    """Go templates that compute something are refused with what is possible."""
    with pytest.raises(DiscoveryError, match="templates only fill in parameters: category, "):
        expand(text, PARAMETERS, subject="x")


@pytest.mark.parametrize("text", ["{{cluster", "cluster}}", "{{a}} {{", "}}{{"])
def test_braces_that_do_not_match(text: str) -> None:
    """Half a placeholder is an error and no text."""
    with pytest.raises(DiscoveryError, match="braces do not match"):
        expand(text, {"a": "b"}, subject="x")


def test_a_directory_without_one_above_has_no_category() -> None:
    """There is no category to fill in for a directory at the top."""
    assert "category" not in path_parameters("apps")

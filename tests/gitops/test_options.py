"""Sync and compare options: what holds for an object, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.application import SyncPolicy
from gitops.errors import ManifestError
from gitops.syncing import options
from gitops.syncing.options import ON_OBJECTS, OPTIONS, ObjectOptions, object_options
from gitops.templates import sync_options
from tests.gitops.objects import SYNC_OPTIONS, config_map

TESTDATA = Path(__file__).parents[1] / "testdata" / "options"
CASES = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("*/case.yaml")
}
ACCEPTED = sorted(name for name, case in CASES.items() if "expected" in case)
REFUSED = sorted(name for name, case in CASES.items() if "refused" in case)


def read(case: dict[str, Any]) -> ObjectOptions:
    """The options of a ConfigMap with a case's annotations, in an Application with its options."""
    body = config_map(namespace="media", annotations=case["annotations"])
    return object_options(body, SyncPolicy(sync_options=case["sync_options"]))


@pytest.mark.parametrize("name", ACCEPTED)
def test_options(name: str) -> None:
    """What a case expects holds, and everything it does not mention is at its default."""
    found, expected = read(CASES[name]), CASES[name]["expected"]
    derived = {"apply_method", "may_be_recreated"}
    assert {key: getattr(found, key) for key in expected} == expected
    assert found == ObjectOptions(
        **{key: value for key, value in expected.items() if key not in derived}
    )


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """A wrong annotation is refused with the object, what is wrong, and what is allowed."""
    with pytest.raises(ManifestError) as refusal:
        read(CASES[name])
    (annotation,) = CASES[name]["annotations"]
    assert str(refusal.value).startswith("ConfigMap media/settings: ")
    for text in (annotation, *CASES[name]["refused"]):
        assert text in str(refusal.value)


def test_every_option_has_a_place() -> None:
    """What an Application may set is what this module reads, and every field is one of an option or
    of an annotation."""
    assert OPTIONS.keys() == sync_options.ALLOWED.keys()
    read_fields = {option.field for option in OPTIONS.values()}
    read_fields |= {field for values in options.COMPARE.values() for field in values}
    read_fields |= {"ignore_healthcheck", "ignore_restart_policy"}
    assert read_fields == {field.name for field in fields(ObjectOptions)}


def values(name: str) -> tuple[str, ...]:
    """The values an option can have."""
    return tuple(sync_options.ALLOWED[name]) or ("1", "600")


APPLICATION_OPTIONS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values(name)) for name in OPTIONS}
)
OBJECT_OPTIONS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values(name)) for name in ON_OBJECTS}
)


@given(application=APPLICATION_OPTIONS, own=OBJECT_OPTIONS)
def test_an_objects_own_option_wins(application: dict[str, str], own: dict[str, str]) -> None:
    """Whatever both set, each option of an object is its own, and the rest the Application's."""
    annotation = ",".join(f"{name}={value}" for name, value in own.items())
    found = object_options(
        config_map(annotations={SYNC_OPTIONS: annotation}), SyncPolicy(sync_options=application)
    )
    assert found == object_options(config_map(), SyncPolicy(sync_options={**application, **own}))
    assert object_options(config_map(), SyncPolicy(sync_options=application)) == object_options(
        config_map(annotations={SYNC_OPTIONS: ""}), SyncPolicy(sync_options=application)
    )


@given(text=st.text(max_size=30))
def test_any_other_text_is_refused_with_the_object(text: str) -> None:
    """An annotation is either read or refused as such; no text ends in another error."""
    try:
        object_options(config_map(annotations={SYNC_OPTIONS: text}), SyncPolicy())
    except ManifestError as refusal:
        assert refusal.subject == "ConfigMap settings"

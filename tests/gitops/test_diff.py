"""The comparison of target and live: one case per rule, and that nothing it is given upsets it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.diff import Difference, compare
from gitops.ignoring.rules import IgnoreRule, read
from tests.gitops.objects import an_object

TESTDATA = Path(__file__).parents[1] / "testdata" / "diff"
CASES = {path.stem: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("*.yaml")}

_WORDS = """
apiVersion kind metadata name namespace labels annotations managedFields fieldsV1 manager operation
time spec data stringData containers ports env f:spec f:data k:{"name":"a"} v:"a" i:0 . requests
caBundle timeout aggregationRule rules
"""
_TEXTS = ["", "a", "v1", "Secret", "home-ops", "Apply", "1Gi", "1e99999", "24h", "YQ=="]
_NAMES = st.sampled_from(_WORDS.split())
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "a", "v1", "Secret", "home-ops", "Apply", "1Gi", "1e99999", "24h", "YQ=="]
    )
    | st.text(max_size=8)
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_NAMES | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)
BODIES = st.dictionaries(_NAMES, JSON, max_size=8)
RULES = [
    IgnoreRule(group="*", kind="*", json_pointers=("/spec", "/metadata/labels/a")),
    IgnoreRule(group="*", kind="*", managed_fields_managers=("a",)),
]


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str) -> None:
    """Each case differs where it says, and nothing it is given is changed."""
    case = CASES[name]
    target, live = case["target"], case["live"]
    rules = [read(each, subject=name) for each in case.get("ignore", ())]
    before = copy.deepcopy((target, live))
    assert compare(target, live, rules) == [Difference(**each) for each in case["differences"]]
    assert (target, live) == before


@given(body=BODIES)
def test_nothing_differs_from_itself(body: dict[str, Any]) -> None:
    """Whatever it holds, an object is what it is; but for fields that it says we own and Git, which
    has no managedFields, would not."""
    live = copy.deepcopy(body)
    assert compare(body, live) == []


@given(target=BODIES, live=BODIES)
def test_nothing_is_too_strange(target: dict[str, Any], live: dict[str, Any]) -> None:
    """Any JSON can be compared with any other, and what differs has a path."""
    for difference in compare(target, live, RULES):
        assert difference.path


@given(spec=JSON, data=JSON, live=BODIES, fields=JSON)
def test_no_owners_are_too_strange(spec: Any, data: Any, live: dict[str, Any], fields: Any) -> None:
    """Whatever stands in managedFields and fields, rules are followed as far as they go."""
    target = an_object("v1", "Secret", "a", spec=spec, data=data)
    entry = {"manager": "a", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    entries = [entry, {**entry, "manager": "home-ops"}, fields]
    found = an_object("v1", "Secret", "a")
    found["metadata"]["managedFields"] = entries
    for rules in ([], RULES):
        for difference in compare(target, {**live, **found}, rules):
            assert difference.path
        assert compare(found, copy.deepcopy(found), rules) == []


@given(values=st.dictionaries(st.text(min_size=1, max_size=5), st.text(min_size=20, max_size=30)))
def test_secrets_are_never_told(values: dict[str, str]) -> None:
    """No value of a Secret is part of any difference."""
    secret = an_object("v1", "Secret", "a", stringData=values)
    differences = compare(secret, an_object("v1", "Secret", "a", data={}))
    assert len(differences) == len(values)
    told = repr([(each.target, each.live) for each in differences])
    assert not any(value in told for value in values.values())


def test_there_are_many_cases() -> None:
    """The cases are found, and each says what it proves."""
    assert len(CASES) >= 60
    assert all(case["proves"] for case in CASES.values())

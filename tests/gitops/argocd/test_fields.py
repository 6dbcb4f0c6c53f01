"""The page about fields, the tables the readers use and the published CRDs say the same.

``crd_fields.json`` holds the names of all properties in the schemas of ArgoCD's three CRDs and
nothing else of them; ``[]`` are the entries of a list, and what is there many times is there once.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitops.argocd.application_fields import APPLICATION, METADATA, SPEC
from gitops.argocd.application_set_fields import APPLICATION_SET, TEMPLATE
from gitops.argocd.fields import REFUSED, WITHOUT_EFFECT, Schema, mapping, supported
from gitops.argocd.project_fields import NOT_ENFORCED, PROJECT

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "argocd-fields.md").read_text("utf-8")
KINDS = {"Application": APPLICATION, "ApplicationSet": APPLICATION_SET, "AppProject": PROJECT}
CRDS = json.loads((HERE.parents[1] / "testdata" / "argocd" / "crd_fields.json").read_text("utf-8"))
FILLED_IN = mapping(metadata=METADATA, spec=SPEC)
# what is written once: sources, an Application's metadata, nested generators
ELSEWHERE = re.compile(
    r"spec\.sources\[\]|spec\.template\.|.*\.template\.|.*\.(matrix|merge)\.generators\[\]"
)


def rows(kind: str) -> dict[str, str]:
    """What the page says about each field of a kind."""
    section = PAGE.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \| `[^`]+` \|$", section, re.M))


def expected(table: Schema) -> str:
    """How the page begins about a field."""
    if REFUSED in table:
        return f"refused: {table[REFUSED][0]}"
    if WITHOUT_EFFECT in table:
        return f"accepted, no effect: {table[WITHOUT_EFFECT]}"
    return ""


def in_crd(tree: Any, table: Schema, path: str = "", above: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a CRD with what becomes of it; in a field that is refused or has no effect,
    that of the field."""
    inner: Mapping[str, Any] = (CRDS["definitions"][tree] if isinstance(tree, str) else tree) or {}
    for name, below in inner.items():
        if name in ("[]", "*"):
            yield from in_crd(below, table.get("items", {}), f"{path}[]", above)
            continue
        where = f"{path}.{name}" if path else name
        found = table.get("properties", {}).get(name)
        # a template is held against the table of an Application once it is filled in
        found = FILLED_IN if found is TEMPLATE else found
        said = above or ("unknown" if found is None else what_becomes_of(where, found))
        yield where, said
        yield from in_crd(below, found or {}, where, "" if said == "supported" else said)


def what_becomes_of(path: str, table: Schema) -> str:
    """The column of the page that counts a field."""
    if REFUSED in table:
        return "refused"
    if WITHOUT_EFFECT in table:
        return "accepted, no effect"
    return "not enforced" if path in {f"spec.{name}" for name in NOT_ENFORCED} else "supported"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_crd_is_in_a_table(kind: str) -> None:
    """No field of the published schema is unknown, and the page counts them as they are."""
    found = dict(in_crd(CRDS["kinds"][kind], KINDS[kind]))
    assert [path for path, said in found.items() if said == "unknown"] == []
    counts = Counter(found.values())
    columns = ("supported", "accepted, no effect", "not enforced", "refused")
    row = " | ".join(f"{number:,}" for number in (len(found), *(counts[each] for each in columns)))
    assert f"| {kind} | {row} |" in PAGE
    assert f"CRDs of ArgoCD {CRDS['version'].rpartition('.')[0]} " in PAGE


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_every_field(kind: str) -> None:
    """Each field of a table has a row that says the same, and no row is about another field."""
    found, fields = rows(kind), dict(supported(KINDS[kind]))
    own = {path for path in fields if not ELSEWHERE.match(path)}
    if kind != "Application":
        own = {path for path in own if not path.startswith("metadata.")}
    nested = {path for path in found if ELSEWHERE.match(path)}
    assert set(found) - nested == own
    assert nested <= set(fields)
    for path, said in found.items():
        wanted = expected(fields[path])
        named = path.removeprefix("spec.").partition(".")[0].removesuffix("[]") in NOT_ENFORCED
        read = "read, and named in a warning: not enforced yet" if named else "supported"
        assert said.startswith(wanted or read), path


def test_every_test_the_page_names_is_there() -> None:
    """A row's test is a function of these tests, and its case a file."""
    named = set(re.findall(r"`(test_\w+\.py)::(\w+)(?:\[(\w+)\])?`", PAGE))
    assert len(named) > 20
    cases = HERE.parents[1] / "testdata" / "argocd" / "application_sets"
    for file, function, case in named:
        assert re.search(rf"^def {function}\(", (HERE / file).read_text("utf-8"), re.M), function
        assert not case or (cases / f"{case}.yaml").is_file(), case


def test_every_refused_field_says_what_to_do() -> None:
    """No refusal is without a remedy, and no accepted field without a reason."""
    for table in KINDS.values():
        for path, inner in supported(table):
            assert all(inner.get(REFUSED, ("x", "y"))), path
            assert inner.get(WITHOUT_EFFECT, "x"), path

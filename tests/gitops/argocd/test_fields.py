"""The page about fields and the tables the readers use say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops.argocd.application_fields import APPLICATION
from gitops.argocd.application_set_fields import APPLICATION_SET
from gitops.argocd.fields import REFUSED, WITHOUT_EFFECT, Schema, supported
from gitops.argocd.project_fields import PROJECT

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "argocd-fields.md").read_text("utf-8")
KINDS = {"Application": APPLICATION, "ApplicationSet": APPLICATION_SET, "AppProject": PROJECT}
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
        assert said.startswith(wanted or ("supported", "read, and named")), path


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

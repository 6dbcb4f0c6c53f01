"""YAML must say here what it says to the API server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops import yaml_reader
from gitops.errors import ManifestError
from gitops.objects.manifest import load_yaml
from gitops.yaml_reader import load

# What sigs.k8s.io/yaml 1.6.0, strict about duplicate keys, makes of each text.
CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "testdata/yaml_reader/sigs_yaml/cases.json").read_text()
)


def strictly(value: Any) -> str:
    """A value as text that tells 1, 1.0, True and "1" apart."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("case", CASES, ids=[repr(case["yaml"]) for case in CASES])
def test_reads_what_kubernetes_reads(case: dict[str, Any]) -> None:
    """Every text means what sigs.k8s.io/yaml says it means, and is refused where that refuses."""
    if case.get("refused"):
        with pytest.raises(ManifestError):
            load(case["yaml"])
    else:
        assert strictly((load(case["yaml"]) or [None])[0]) == strictly(case["json"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("=", "="),
        ("2001-01-01", "2001-01-01"),
        ("12:30:45", "12:30:45"),
        ("y", True),
        ("oFF", "oFF"),
        ("Off", False),
        ("0400", 256),
        ("0o400", 256),
        ("1_000", 1000),
        ("08", 8),
        ("0b11", 3),
        ("1e3", 1000),
        ("1e400", "1e400"),
    ],
)
def test_scalars_an_api_server_was_asked_about(text: str, value: Any) -> None:
    """The answers a kube-apiserver gave for texts PyYAML reads differently."""
    assert strictly(load(f"a: {text}")) == strictly([{"a": value}])


def test_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser, where the C library is missing, leads to the same scalars."""
    monkeypatch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)
    scalars = [case for case in CASES if case["yaml"].startswith("a: ") and "json" in case]
    # the two parsers differ over tabs, `!` and what may stand in one line
    plain = [case for case in scalars if not set("\n\t!&") & set(case["yaml"])]
    assert len(plain) > 150
    for case in plain:
        assert strictly(load(case["yaml"])[0]) == strictly(case["json"]), case["yaml"]


def test_documents() -> None:
    """Documents come in order, empty ones as None, and a directive is no obstacle."""
    assert load("%YAML 1.2\n---\na: 1\n---\n---\n# nothing\n---\n- b\n...\n") == [
        {"a": 1},
        None,
        None,
        ["b"],
    ]


def test_byte_order_mark() -> None:
    """A byte order mark at the beginning is no part of the first key."""
    assert load(b"\xef\xbb\xbfa: 1") == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice, first in line 1"),
        ("x:\n  a: 1\n  a: 1\n", 3, "key 'a' is given twice, first in line 2"),
        ("{a: 1, a: 2}", 1, "key 'a' is given twice, first in line 1"),
        ('{"a": 1,\n "a": 2}', 2, "key 'a' is given twice, first in line 1"),
        ("1: a\n'1': b\n", 2, "key '1' is given twice"),
        ("a: 1\nb: [1, 2\n", 3, "broken YAML"),
        ("a: b: c", 1, "mapping values are not allowed"),
        ("a:\n\tb: 1", 2, "cannot start any token"),
        ("a: .inf", 1, "JSON has no number .inf"),
        ("a:\n- .NaN", 2, "JSON has no number .NaN"),
        ("a: !Ref x", 1, "tag !Ref is not known"),
        ("a: !python/object:os.system {}", 1, "is not known"),
        ("a: !!set {b, c}", 1, "is not known"),
        ("a: !!int 1.5", 1, "'1.5' is no int"),
        ("a: !!binary '/w=='", 1, "no base64 of UTF-8"),
        ("~: a", 1, "null is no key"),
        ("? [a]\n: b", 1, "a key is a list or a mapping"),
        ("a: *b", 1, "alias *b is not defined before it"),
        ("a: &a\n  b: *a", 2, "alias *a contains itself"),
        ("a: 1\n<<: {a: 2}", 2, "`<<` gives key 'a' again"),
        ("a:\n  <<: 1", 2, "no mapping"),
    ],
)
def test_refuses(text: str, line: int, reason: str) -> None:
    """What cannot be read for certain is refused with file, line, reason and a remedy."""
    with pytest.raises(ManifestError) as caught:
        load(text, source="apps/media/x/a.yaml")
    assert caught.value.subject == f"apps/media/x/a.yaml:{line}"
    assert reason in caught.value.reason
    assert caught.value.remedy


def test_a_file_that_is_not_utf_8() -> None:
    """Bytes that are no UTF-8 are refused with file and line."""
    with pytest.raises(ManifestError, match=r"a\.yaml:2: the file is not UTF-8"):
        load(b"a: 1\nb: \xe9t\xe9\n", source="a.yaml")


def test_a_control_character() -> None:
    """A character YAML cannot hold is refused with the file's name."""
    with pytest.raises(ManifestError, match=r"a\.yaml: .*control characters are not allowed"):
        load("a: \x07", source="a.yaml")


def test_merge_keys() -> None:
    """A mapping's own keys win over merged ones, and the first of several merged mappings wins."""
    text = "a: &a {x: 1, k: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], k: 3}\n"
    assert load(text)[0]["c"] == {"x": 1, "z": 2, "k": 3}


def test_a_quoted_merge_key_is_a_key() -> None:
    """Quotes make `<<` an ordinary key."""
    assert load('a: {"<<": {b: 1}}') == [{"a": {"<<": {"b": 1}}}]


def test_aliases_are_copies() -> None:
    """What is changed in one place of an alias stays unchanged in the others."""
    [found] = load("a: &a {x: [1]}\nb: *a\n")
    found["b"]["x"].append(2)
    assert found["a"] == {"x": [1]}


def test_an_alias_bomb() -> None:
    """A few lines that stand for a billion values are refused at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    started = time.perf_counter()
    with pytest.raises(ManifestError, match="makes the document too large"):
        load("\n".join(lines))
    assert time.perf_counter() - started < 10


def test_many_aliases_of_a_real_file() -> None:
    """Anchors used as people use them are well within the limit."""
    text = "a: &a {b: [1, 2, 3], c: d}\n" + "".join(f"k{n}: *a\n" for n in range(5000))
    assert len(load(text)[0]) == 5001


def test_depth() -> None:
    """Nesting that would exhaust whatever walks the value later is refused."""
    assert load("[" * 100 + "]" * 100)
    with pytest.raises(ManifestError, match="more than 200 levels"):
        load("[" * 5000 + "]" * 5000)


def test_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text beyond the limit is refused with size and limit."""
    monkeypatch.setattr(yaml_reader, "MAX_CHARACTERS", 10)
    with pytest.raises(ManifestError, match="20 characters are more than the 10"):
        load("a" * 20)


def test_json() -> None:
    """JSON is read by JSON's rules: escapes YAML does not know, numbers, no yes or no."""
    text = '{"a": "\\ud83d\\ude00 \\/", "b": [1.0, 1e3, 0.5, true, null], "c": "yes"}'
    assert strictly(load(text)) == strictly(
        [{"a": "\U0001f600 /", "b": [1, 1000, 0.5, True, None], "c": "yes"}]
    )


def test_flow_yaml_is_no_json() -> None:
    """YAML that begins with a brace is read as YAML."""
    assert load("{a: yes}\n---\n{b: 2}\n") == [{"a": True}, {"b": 2}]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_has_not(word: str) -> None:
    """Python's JSON reads these as numbers; nothing here may, so the YAML rules make them text."""
    assert load(f'{{"a": {word}}}') == [{"a": word}]


def test_half_a_surrogate_pair() -> None:
    """A character that no UTF-8 can write never reaches the API server."""
    with pytest.raises(ManifestError, match="invalid Unicode"):
        load('{"a": "\\ud83d"}')


def test_large_documents_are_fast() -> None:
    """A definition of 300 kB takes no longer than PyYAML's C loader would, within reason."""
    field = {"type": "string", "description": "What it does: something, and why it does it."}
    schema = {"properties": {f"field{n}": dict(field) for n in range(3500)}}
    text = yaml.safe_dump({"spec": {"schema": schema}})
    assert len(text) > 300_000

    def seconds(read: Any) -> float:
        started = time.perf_counter()
        read()
        return time.perf_counter() - started

    ours = min(seconds(lambda: load(text)) for _ in range(3))
    theirs = min(seconds(lambda: yaml.load(text, yaml.CSafeLoader)) for _ in range(3))
    assert ours < 3 * theirs


CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def test_load_yaml_drops_empty_documents() -> None:
    """Documents with nothing in them are no objects."""
    text = f"---\n# nothing\n---\n{json.dumps(CONFIG_MAP)}\n---\nnull\n---\n{{}}\n"
    assert load_yaml(text) == [CONFIG_MAP]


def test_load_yaml_expands_lists() -> None:
    """A List stands for its items, also inside another List, and also one of a certain kind."""
    inner = {"apiVersion": "v1", "kind": "List", "items": [CONFIG_MAP]}
    typed = {
        "apiVersion": "apps/v1",
        "kind": "DeploymentList",
        "metadata": {},
        "items": [{"metadata": {"name": "b"}}],
    }
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, typed]}
    assert load_yaml(json.dumps(outer)) == [
        CONFIG_MAP,
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "b"}},
    ]


def test_load_yaml_keeps_a_kind_that_only_sounds_like_a_list() -> None:
    """A kind that ends in List is an object where it has no items of its own."""
    body = {"apiVersion": "x.io/v1", "kind": "AllowList", "spec": {"items": [1]}}
    assert load_yaml(json.dumps(body)) == [body]


@pytest.mark.parametrize("text", ["hello", "- a", "kind: List\napiVersion: v1\nitems: [1]"])
def test_load_yaml_refuses_what_is_no_object(text: str) -> None:
    """A document or item that is no mapping is refused with the file's name."""
    with pytest.raises(ManifestError, match=r"^a\.yaml: a document is a (str|list|int)"):
        load_yaml(text, source="a.yaml")

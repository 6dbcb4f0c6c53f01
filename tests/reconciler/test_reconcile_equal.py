"""Which comparison need not be made again: every part of what it depends on is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.manifest import Manifest
from gitops.syncing.hook_plan import PlannedHook
from reconciler.passes.equal import FoundEqual, found_equal
from tests.gitops.objects import application, config_map

MANIFEST = Manifest.from_body(config_map(namespace="media", data={"key": "1"}))
TARGET = ApplicationTarget(spec=application(), manifests=(MANIFEST,))
HOOK = PlannedHook(manifest=MANIFEST, delete_policies=frozenset())
RULE = repr(IgnoreRule(kind="ConfigMap", json_pointers=("/data/key",)))
OTHER = repr(IgnoreRule(kind="ConfigMap", json_pointers=("/data/other",)))
LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "media", "uid": "u", "resourceVersion": "1"},
}


def found(file: Path, program: str = "program") -> FoundEqual:
    return FoundEqual(file=file, program=program)


def live(**metadata: Any) -> dict[Any, Any]:
    return {MANIFEST.key: {**LIVE, "metadata": {**LIVE["metadata"], **metadata}}}


def changed(**body: Any) -> ApplicationTarget:
    return replace(TARGET, manifests=(replace(MANIFEST, outline={**MANIFEST.body, **body}),))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "compared" / "stack.json"


def test_what_was_equal_is_known(file: Path) -> None:
    """The next process knows it as well, by the same values made anew."""
    first = found(file)
    token = first.token(TARGET, RULE, live())
    assert not first.knows("app", token)
    first.remember("app", token)
    first.save(["app"])
    again = found(file)
    body = {**MANIFEST.body}
    same = ApplicationTarget(spec=application(), manifests=(replace(MANIFEST, outline=body),))
    assert again.knows("app", again.token(same, RULE, live()))
    assert not again.knows("other", token)


@pytest.mark.parametrize(
    ("target", "rules", "objects", "program"),
    [
        (changed(data={"key": "2"}), RULE, live(), "program"),
        (changed(data={"key": 1}), RULE, live(), "program"),
        (replace(TARGET, manifests=()), RULE, live(), "program"),
        (replace(TARGET, hooks=(HOOK,)), RULE, live(), "program"),
        (TARGET, "", live(), "program"),
        (TARGET, OTHER, live(), "program"),
        (TARGET, RULE, live(resourceVersion="2"), "program"),
        (TARGET, RULE, live(uid="another"), "program"),
        (TARGET, RULE, {MANIFEST.key: {**LIVE, "apiVersion": "v2"}}, "program"),
        (TARGET, RULE, {}, "program"),
        (TARGET, RULE, live(), "another"),
    ],
    ids=[
        "target",
        "type",
        "objects",
        "hook",
        "rules",
        "rule",
        "version",
        "uid",
        "form",
        "missing",
        "program",
    ],
)
def test_each_part_counts(
    file: Path,
    target: ApplicationTarget,
    rules: str,
    objects: dict[Any, Any],
    program: str,
) -> None:
    """Where anything is different, the Application is compared."""
    first = found(file)
    first.remember("app", first.token(TARGET, RULE, live()))
    first.save(["app"])
    again = found(file, program)
    assert not again.knows("app", again.token(target, rules, objects))


def test_a_missing_object_is_never_remembered(file: Path) -> None:
    """An Application with an object that is not there is compared every time."""
    first = found(file)
    token = first.token(TARGET, "", {})
    first.remember("app", token)
    first.save(["app"])
    assert not found(file).knows("app", token)


def test_what_is_gone_is_forgotten(file: Path) -> None:
    """Of Applications that are not there any more nothing is kept; of the others that were not
    looked at this time everything is."""
    first = found(file)
    for name in ("gone", "stays"):
        first.remember(name, f"token of {name}")
    first.save(["gone", "stays"])
    second = found(file)
    second.save(["stays"])
    third = found(file)
    assert third.knows("stays", "token of stays")
    assert not third.knows("gone", "token of gone")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"app": 1}'])
def test_a_damaged_file_is_none(file: Path, content: str) -> None:
    """Whatever is in the file, nothing is known that was not found, and it is written anew."""
    file.parent.mkdir()
    file.write_text(content)
    first = found(file)
    assert not first.knows("app", "token")
    first.remember("app", "token")
    first.save(["app"])
    assert found(file).knows("app", "token")


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    """Without room for the file a pass goes on, and the next compares again."""
    (tmp_path / "compared").write_text("a file where the folder would be")
    first = found(tmp_path / "compared" / "stack.json")
    first.remember("app", "token")
    first.save(["app"])
    assert not found(tmp_path / "compared" / "stack.json").knows("app", "token")


def test_stacks_and_clusters_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found for one stack on one cluster says nothing of another; the file is nobody
    else's to read or write."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = found_equal("local", "https://127.0.0.1:1")
    first.remember("app", "token")
    first.save(["app"])
    assert first.file.stat().st_mode & 0o077 == 0
    assert found_equal("local", "https://127.0.0.1:1").knows("app", "token")
    assert not found_equal("local-1", "https://127.0.0.1:1").knows("app", "token")
    assert not found_equal("local", "https://127.0.0.1:2").knows("app", "token")

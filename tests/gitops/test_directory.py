"""Plain directories: which files count, and how they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import RenderError
from tests.gitops.rendering import identities, rendered, write


def test_files_lists_and_what_is_left_out() -> None:
    """YAML and JSON count; hidden files, other files and marked ones do not; Lists are expanded."""
    found = rendered("apps/plain/flat")
    assert identities(found) == ["ConfigMap json", "ConfigMap one", "ConfigMap two"]
    assert [manifest.source for manifest in found] == [
        "apps/plain/flat/a.json",
        "apps/plain/flat/b.yaml",
        "apps/plain/flat/b.yaml",
    ]


def test_values_are_read_as_the_api_server_reads_them() -> None:
    """A date stays text."""
    (one,) = (m for m in rendered("apps/plain/flat") if m.key.name == "one")
    assert one.body["data"] == {"when": "2024-01-01"}


def test_folders_below_count_only_with_recurse() -> None:
    """ArgoCD's ``directory.recurse``."""
    found = rendered("apps/plain/flat", recurse=True)
    assert "ConfigMap below" in identities(found)
    assert "ConfigMap below" not in identities(rendered("apps/plain/flat"))


def test_objects_that_are_only_helm_tests_are_left_out(tmp_path: Path) -> None:
    """ArgoCD ignores them wherever they come from; an object with another hook stays."""
    text = (
        "{apiVersion: v1, kind: Pod, metadata: {name: %s, annotations: {helm.sh/hook: '%s'}}}\n"
        "---\n"
    )
    hooks = {"a": "test", "b": "test-success,test-failure", "c": "test,post-install", "d": ""}
    content = "".join(text % (name, hook) for name, hook in hooks.items())
    found = rendered("app", root=write(tmp_path, {"app/a.yaml": content}))
    assert identities(found) == ["Pod c", "Pod d"]


def test_symbolic_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    """A link to a file or folder elsewhere is named, whatever it is called."""
    write(tmp_path / "outside", {"secret.yaml": "a: b"})
    for name, target in (("a.yaml", "secret.yaml"), ("notes.txt", "secret.yaml"), ("sub", ".")):
        root = write(tmp_path / name, {"app/b.yaml": ""})
        (root / "app" / name).symlink_to(tmp_path / "outside" / target)
        with pytest.raises(RenderError, match=f"^app: app/{name}: it leads out of the repository"):
            rendered("app", root=root)


def test_directory_that_is_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    """The Application's own directory may not be elsewhere either."""
    write(tmp_path / "outside", {"a.yaml": "a: b"})
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "app").symlink_to(tmp_path / "outside")
    with pytest.raises(RenderError, match=r"^app: it leads out of the repository"):
        rendered("app", root=tmp_path / "tree")


def test_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """A dangling link is an error, not an empty file."""
    root = write(tmp_path, {"app/b.yaml": ""})
    (root / "app" / "a.yaml").symlink_to("gone.yaml")
    with pytest.raises(RenderError, match=r"^app: app/a\.yaml: it is neither"):
        rendered("app", root=root)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A link to a folder above is not followed for ever."""
    root = write(tmp_path, {"app/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"})
    (root / "app" / "again").symlink_to(".")
    assert identities(rendered("app", root=root, recurse=True)) == ["ConfigMap a"]

"""The render cache: private, bounded, and never trusted when damaged."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from gitops.objects.manifest import Manifest
from gitops.rendering.cache import RenderCache

DIGEST = "d" * 64
MANIFESTS = [
    Manifest.from_body(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "é",
                "annotations": {"argocd.argoproj.io/sync-wave": "3"},
            },
            "data": {"number": 1, "text": "1", "float": 1.5, "nothing": None, "big": 2**70},
        },
        source="app/a.yaml",
    )
]


def test_what_was_put_comes_back_equal(tmp_path: Path) -> None:
    """Body, source, phase and wave survive, whatever types the body holds."""
    cache = RenderCache(tmp_path / "cache")
    assert cache.get(DIGEST) is None
    cache.put(DIGEST, MANIFESTS)
    assert cache.get(DIGEST) == MANIFESTS
    cache.put(DIGEST, [])
    assert cache.get(DIGEST) == []


def test_entries_are_for_their_owner_alone(tmp_path: Path) -> None:
    """They may hold Secrets."""
    RenderCache(tmp_path / "cache").put(DIGEST, MANIFESTS)
    (entry,) = (tmp_path / "cache").iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:0],
        lambda content: content[:-5],
        lambda content: content.replace(b"Secret", b"Sekret"),
        lambda content: content.partition(b"\n")[2],
        lambda content: b"\xff" + content,
    ],
)
def test_damaged_entry_is_none(tmp_path: Path, spoil: object) -> None:
    """Cut short, changed or overwritten: it is rendered again and replaced."""
    cache = RenderCache(tmp_path)
    cache.put(DIGEST, MANIFESTS)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(spoil(entry.read_bytes()))  # type: ignore[operator]
    assert cache.get(DIGEST) is None
    cache.put(DIGEST, MANIFESTS)
    assert cache.get(DIGEST) == MANIFESTS


def test_unwritable_folder_only_means_no_cache(tmp_path: Path) -> None:
    """A render does not fail because it cannot be remembered."""
    (tmp_path / "file").write_text("in the way")
    cache = RenderCache(tmp_path / "file" / "cache")
    cache.put(DIGEST, MANIFESTS)
    assert cache.get(DIGEST) is None
    assert cache.prune() == 0


def test_entries_used_longest_ago_are_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading an entry keeps it; a large tree keeps as many as it needs."""
    monkeypatch.setattr("gitops.rendering.cache.MOST_ENTRIES", 3)
    cache = RenderCache(tmp_path)
    for number in range(6):
        cache.put(str(number), MANIFESTS)
        os.utime(tmp_path / f"{number}.json", (number, number))
    assert cache.get("0") == MANIFESTS
    assert cache.prune(keep=6) == 0
    assert cache.prune() == 3
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["0", "4", "5"]
    assert cache.prune() == 0


def test_writers_and_readers_at_once(tmp_path: Path) -> None:
    """A reader sees a whole entry or none, never half of one."""
    cache = RenderCache(tmp_path)
    seen: list[object] = []

    def work() -> None:
        for _ in range(50):
            cache.put(DIGEST, MANIFESTS)
            seen.append(cache.get(DIGEST))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 200
    assert all(found == MANIFESTS for found in seen)
    assert [path.name for path in tmp_path.iterdir()] == [f"{DIGEST}.json"]

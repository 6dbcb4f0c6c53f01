"""A mounted Secret is read as it is at one moment."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gitops.credentials import secret_folder
from tests.gitops.credentials.mounted import mount


def test_a_secret_that_changes(tmp_path: Path) -> None:
    """However often the kubelet replaces its files meanwhile, all values are of one moment."""
    folder = mount(tmp_path / "secret", {"username": "0", "password": "0"})
    ended, seen = threading.Event(), set[str]()

    def change() -> None:
        for number in range(1, 300):
            mount(folder, {"username": str(number), "password": str(number)})
        ended.set()

    thread = threading.Thread(target=change)
    thread.start()
    while not ended.is_set():
        try:
            found = secret_folder.read(folder)
        except FileNotFoundError as error:
            assert "again and again" in str(error)
            continue
        assert found.keys() == {"username", "password"}
        assert found["username"] == found["password"]
        seen.add(found["username"])
    thread.join()
    assert len(seen) > 1


def test_a_folder_made_by_hand(tmp_path: Path) -> None:
    """It is as good; there may be other folders in it, and line ends after the values."""
    (tmp_path / "more").mkdir()
    (tmp_path / "password").write_text("x\r\n")
    assert secret_folder.read(tmp_path) == {"password": "x"}
    with pytest.raises(FileNotFoundError):
        secret_folder.read(tmp_path / "none")


def test_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nowhere, unless the environment says where."""
    for name in ("HOME_OPS_SECRETS", "HOME_OPS_GIT"):
        monkeypatch.delenv(name, raising=False)
    assert secret_folder.named("login") is secret_folder.own() is None
    monkeypatch.setenv("HOME_OPS_SECRETS", str(tmp_path))
    assert secret_folder.named("login") == tmp_path / "login"

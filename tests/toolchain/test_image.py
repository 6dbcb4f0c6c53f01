"""The image's file tree is made in a folder of its own, of what a pass needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain.errors import ToolchainError
from toolchain.image import assemble


def test_a_folder_with_something_in_it(tmp_path: Path) -> None:
    """Nothing is mixed with what is there: another folder has to be named."""
    (tmp_path / "something").touch()
    with pytest.raises(ToolchainError, match="it is not empty"):
        assemble(tmp_path, progress=None)
    assert [each.name for each in tmp_path.iterdir()] == ["something"]

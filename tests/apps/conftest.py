"""The example cluster, rendered once for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.apps.rendered import Placed, render_example


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> list[Placed]:
    return render_example(tmp_path_factory.mktemp("charts"))

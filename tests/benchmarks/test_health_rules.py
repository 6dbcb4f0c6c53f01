from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main


def test_the_shares_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m benchmarks health-rules` needs no cluster, and says for how many kinds the general
    rule suffices and for which it does not."""
    file = tmp_path / "figures.json"
    assert main(["health-rules", "--runs", "1", "--json", str(file)]) == 0
    assess, general = json.loads(file.read_text())["measurements"]
    assert assess["objects"] == general["objects"] >= 500
    assert "suffices for" in general["note"]
    assert "postgresql.cnpg.io/Cluster" in general["note"]
    assert "cert-manager.io/Issuer" not in general["note"]
    assert general["note"] in capsys.readouterr().out

"""How does ``gitops up --confirm`` reach the prune gate?"""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.gate.settings import ENVIRONMENT, read_confirmations
from reconciler.cli import ExitCode, main
from reconciler.engine import automation
from tests.reconciler.conftest import MakeProject

FIRST, SECOND, THIRD = (f"prune-{digit * 16}" for digit in "012")


@pytest.mark.e2e
def test_tokens_reach_the_program(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the command line, and those of the environment beside them."""
    root = make_project("telling")
    monkeypatch.setenv(ENVIRONMENT, THIRD)
    run = automation.up(root, "test", confirmed={FIRST, SECOND})
    told = next(each.message for each in run.diagnostics if "confirmed: " in each.message)
    tokens = told.partition("confirmed: ")[2].strip()
    assert read_confirmations(tokens, subject="test") == {FIRST, SECOND, THIRD}


def test_a_word_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused before anything is run, and says what is wanted."""
    (tmp_path / "Pulumi.yaml").write_text("name: home-ops\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(automation, "check_environment", lambda _: None)
    assert main(["up", "--yes", "--confirm", FIRST, "--confirm", "everything"]) == ExitCode.FAILED
    error = capsys.readouterr().err
    assert error.startswith("error: gitops up --confirm: 'everything' confirms no deletion; give ")

"""The virtual environment: current only when it is complete and made from what is asked now."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from toolchain import venv
from toolchain.errors import ToolchainError
from toolchain.progress import Step

pytestmark = pytest.mark.usefixtures("cache")

# builds an editable wheel by itself: no package index is needed to install the project
BACKEND = """
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "sample-1.0-py3-none-any.whl"
    info = "sample-1.0.dist-info"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("sample.py", "def main(): print('it runs')")
        about = "Metadata-Version: 2.1\\nName: sample\\nVersion: 1.0\\n"
        tags = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\nsample = sample:main\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "backend.py").write_text(BACKEND)
    (folder / "requirements.txt").write_text("")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\n")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "sample"\nversion = "1.0"\n[tool.ruff]\nline-length = 100\n'
    )
    return folder


def make(checkout: Path) -> str:
    report = io.StringIO()
    venv.install(Step(".venv", report), checkout=checkout)
    return report.getvalue()


def test_made_once_and_again_when_it_is_outdated(checkout: Path) -> None:
    """The project's script runs from it; the second time nothing is done. Changed requirements
    update it in place, a linter's setting does not count, what a killed run left is made again."""
    assert "made from requirements-dev.txt" in make(checkout)
    script = venv.directory(checkout) / "bin" / "sample"
    said = subprocess.run([script], capture_output=True, text=True, check=True).stdout
    assert said == "it runs\n"
    assert "up to date" in make(checkout)

    project = checkout / "pyproject.toml"
    project.write_text(project.read_text().replace("100", "80"))
    assert venv.is_current(checkout)
    kept = venv.directory(checkout) / "kept"
    kept.touch()
    (checkout / "requirements.txt").write_text("# another\n")
    assert not venv.is_current(checkout)
    assert "making it" not in make(checkout)
    assert venv.is_current(checkout)
    assert kept.exists()

    (venv.directory(checkout) / "home-ops-made-from").unlink()
    script.unlink()
    assert not venv.is_current(checkout)
    assert "made from requirements-dev.txt" in make(checkout)
    assert script.is_file()
    assert not kept.exists()


def test_package_that_is_not_to_be_had_is_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing pip is quoted with a remedy, and the environment does not count as made."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (checkout / "requirements.txt").write_text("no-such-package-of-ours==1.0\n")
    with pytest.raises(ToolchainError) as caught:
        make(checkout)
    assert caught.value.subject == ".venv"
    assert "no-such-package-of-ours==1.0" in caught.value.reason
    assert "pip reaches a package index" in caught.value.remedy
    assert not venv.is_current(checkout)


def test_missing_folder_is_not_current(checkout: Path) -> None:
    """A checkout without .venv needs one, and one whose .venv was removed does too."""
    assert not venv.is_current(checkout)
    venv.directory(checkout).mkdir()
    assert not venv.is_current(checkout)
    shutil.rmtree(venv.directory(checkout))

"""What a shell is told: enough for plain pulumi and kubectl, and nothing that mixes up clusters."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from toolchain import store
from toolchain.environment import environment, leftovers, shell_text
from toolchain.errors import ToolchainError
from toolchain.pins import HELM, KUBERNETES, KUBERNETES_PROVIDER, KUSTOMIZE, PULUMI
from toolchain.pulumi_home import directory as pulumi_home
from toolchain.store import bin_directory


@pytest.fixture(scope="session")
def real_links() -> Path:
    """The links to the real tools, found before a test has a cache of its own."""
    return bin_directory()


@pytest.fixture
def odd_cache(real_links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache under a name that needs quoting, with the real tools in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", f"{cache.parent} of o'brien; $(false)")
    links = store.links_directory()
    links.parent.mkdir(parents=True)
    shutil.copytree(real_links, links, symlinks=True)
    return store.cache_root()


def sourced(text: str, *, quoted: bool) -> dict[str, str]:
    command = 'eval "$TEXT"' if quoted else "eval $TEXT"
    said = subprocess.run(
        ["/bin/sh", "-c", f"{command}; /usr/bin/env -0"],
        env={"TEXT": text, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(line.split("=", 1) for line in said.split("\0") if "=" in line)


@pytest.mark.usefixtures("odd_cache")
@pytest.mark.parametrize("quoted", [True, False])
def test_shell_understands_it(quoted: bool) -> None:  # noqa: FBT001  # pytest gives it
    """A shell that evaluates the text, quoted or not, has exactly these values,
    odd paths included."""
    wanted = environment("local")
    told = sourced(shell_text("local"), quoted=quoted)
    assert {name: told.get(name) for name in wanted} == wanted


@pytest.mark.usefixtures("odd_cache")
def test_state_and_passphrase_are_made_once_and_private() -> None:
    """The local stack's state folder exists; its passphrase is random, stays, and is readable by
    its owner only."""
    first, second = environment("local"), environment("local")
    assert first == second
    passphrase = Path(first["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert len(passphrase.read_text()) >= 32
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.cache_root().stat().st_mode) == 0o700
    assert (store.stack_directory("local") / "state").is_dir()
    assert first["KUBECONFIG"].startswith(str(store.cluster_directory()))


@pytest.mark.usefixtures("odd_cache")
def test_passphrase_of_a_killed_run_is_made_again() -> None:
    """A passphrase file that was created and never written gets a passphrase."""
    (store.stack_directory("local") / "passphrase").touch(mode=0o600)
    path = Path(environment("local")["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert len(path.read_text()) >= 32


@pytest.mark.usefixtures("odd_cache")
def test_other_stacks_keep_what_is_the_users() -> None:
    """For a real cluster neither backend, passphrase nor kubeconfig is set, and what the local
    stack left in the shell is unset, but not what the user set."""
    local, real = environment("local"), environment("pitower")
    own = {
        "KUBECONFIG",
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "PULUMI_OPTION_CONFIG_FILE",
    }
    assert set(local) - set(real) == own
    assert set(leftovers(local, real)) == own
    assert leftovers({"KUBECONFIG": "/home/me/.kube/config"}, real) == ()
    assert leftovers(local, local) == ()


@pytest.mark.usefixtures("odd_cache")
def test_path_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluating the text twice leaves PATH as it was after the first time."""
    first = environment("local")["PATH"]
    monkeypatch.setenv("PATH", first)
    assert environment("local")["PATH"] == first
    assert first.split(os.pathsep)[0] == str(store.CHECKOUT / ".venv" / "bin")


@pytest.mark.usefixtures("cache")
def test_nothing_installed_is_said() -> None:
    """Without the tools there is no environment, and the command that gets them is named."""
    with pytest.raises(ToolchainError, match="run python3 -m toolchain install"):
        environment("local")


def test_checkouts_have_keys_of_their_own(tmp_path: Path) -> None:
    """Two checkouts of one name, and a folder with an odd name, each have a readable key
    of their own."""
    one, other = tmp_path / "a" / "home-ops", tmp_path / "b" / "home-ops"
    assert store.checkout_key(one) == store.checkout_key(one)
    assert store.checkout_key(one) != store.checkout_key(other)
    assert store.checkout_key(one).startswith("home-ops-")
    assert store.checkout_key(tmp_path / "my dir & co").startswith("my-dir-co-")


@pytest.mark.e2e
@pytest.mark.usefixtures("odd_cache")
def test_pulumi_uses_the_stack_it_is_told() -> None:
    """Plain pulumi finds the stack, its state and its passphrase through the variables alone, also
    where the cache has an odd name, and the checkout stays as it was."""
    before = (store.CHECKOUT / "Pulumi.local.yaml").read_bytes()
    variables = environment("local")
    said = subprocess.run(
        ["pulumi", "stack", "ls", "--non-interactive"],
        cwd=store.CHECKOUT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "local" in said
    assert (store.CHECKOUT / "Pulumi.local.yaml").read_bytes() == before
    assert "encryptionsalt" in Path(variables["PULUMI_OPTION_CONFIG_FILE"]).read_text()


@pytest.mark.e2e
def test_real_tools_answer() -> None:
    """In a shell that evaluated the text every tool answers with the pinned version, the provider
    is a known plugin, and the engine writes no log."""
    script = (
        'eval "$(python3 -m toolchain env)"; pulumi version; pulumi plugin ls; '
        "helm version --short; kustomize version; kubectl version --client; command -v python"
    )
    said = subprocess.run(
        ["/bin/sh", "-ec", script], cwd=store.CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    for version in (PULUMI, HELM, KUSTOMIZE, KUBERNETES):
        assert f"v{version}" in said
    assert KUBERNETES_PROVIDER in said
    assert said.splitlines()[-1] == str(store.CHECKOUT / ".venv" / "bin" / "python")
    assert (pulumi_home() / "logs").is_file()

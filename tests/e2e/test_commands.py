"""An Application's local commands, with the plugin that runs them and without."""

from __future__ import annotations

import pytest

from gitops.command_plugin import PLUGIN, plugin_installed
from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import NewCheckout

pytestmark = pytest.mark.e2e


@pytest.fixture
def checkout(new_checkout: NewCheckout) -> Checkout:
    """One Application with commands around its sync, and one without."""
    checkout = new_checkout("commands")
    checkout.write("plain", objects.config_map("plain"))
    checkout.write("wants", objects.config_map("wants"))
    log = checkout.text("wants", "order.log", "").resolve()
    commands = f"commands: {{before: ['echo before >> {log}'], after: ['echo after >> {log}']}}\n"
    checkout.text("wants", ".home-ops.yaml", commands)
    return checkout


@pytest.mark.skipif(plugin_installed(), reason="the plugin is installed")
def test_without_the_plugin_the_application_says_so(checkout: Checkout) -> None:
    """It is broken with the remedy, and the other Application is synced."""
    run = checkout.up()
    assert run.exit_code != 0
    assert f"wants local commands, and the plugin {PLUGIN} is not installed" in run.output
    assert run.created.count(f"ConfigMap {checkout.namespace}/plain") == 1
    assert f"ConfigMap {checkout.namespace}/wants" not in run.created


@pytest.mark.skipif(not plugin_installed(), reason="the plugin is not installed")
def test_commands_run_around_a_sync_and_not_without_one(checkout: Checkout) -> None:
    """Before and after run once for a change, and not when nothing changes."""
    log = checkout.app("wants") / "order.log"
    checkout.up().succeeded()
    checkout.up().succeeded()
    assert log.read_text().split() == ["before", "after"]

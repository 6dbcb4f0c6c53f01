"""Pulumi without an engine: a monitor that records what a program registers."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_pulumi_func


class _Echo(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> dict[Any, Any]:  # noqa: ARG002 - the interface
        return {}


@dataclass
class Recorder:
    """The requests of one program, by type and name, and a way to run a program."""

    requests: dict[tuple[str, str], Any] = field(default_factory=dict)

    def run(self, program: Callable[[], Awaitable[None] | None]) -> None:
        monitor = _RecordingMonitor(self)
        mocks.set_mocks(monitor.mocks, project="home-ops", stack="test", monitor=monitor)
        asyncio.get_event_loop().run_until_complete(run_pulumi_func(program))

    def names(self, type_token: str) -> list[str]:
        return sorted(name for kind, name in self.requests if kind == type_token)

    def inputs(self, type_token: str, name: str) -> dict[str, Any]:
        return dict(rpc.deserialize_properties(self.requests[type_token, name].object))


class _RecordingMonitor(mocks.MockMonitor):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(_Echo())
        self._recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the monitor's own name
        self._recorder.requests[request.type, request.name] = request
        return super().RegisterResource(request)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.reset_options()
    yield Recorder()
    settings.reset_options()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)
    gc.collect()  # now, where the warning about the SDK's own loops is let pass

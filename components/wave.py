"""What stands between two waves of an Application in Pulumi's tree?

Made by the Application, one for each gate. Its inputs are the digest of the Application, so the
engine creates or updates it when the Application changes, and does nothing in a run that changes
nothing; only then the gate's hook is called. See docs/adr/0006.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pulumi

from gitops.deployment.inventory import WAVE_TYPE, Inventory, PassedWave
from gitops.errors import HomeOpsError

type_token = WAVE_TYPE

Gate = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveArgs:
    """A gate and when it has to be passed again.

    Args:
        digest: of everything the Application applies.
        last: the marker as the last deployment left it.
        again: it has to be passed again though it was, as the sync it was passed for failed.
        gate: returns when what comes next may begin; raises HomeOpsError when it may not. Without
            one the marker stays as it was.
    """

    digest: str
    gate: Gate | None = None
    last: PassedWave | None = None
    again: bool = False


class Wave(pulumi.ComponentResource):
    """A gate of a sync; ``token`` is its type.

    A gate that fails does not fail the engine's step: without ``--continue-on-error`` that would
    end the whole run, and all other Applications with it. Instead the marker remembers that nothing
    passed, which makes the next run try again, and the program stops that Application and fails
    when it has declared all others.
    """

    token = type_token

    def __init__(
        self, name: str, args: WaveArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self._args = args
        self._tried = False
        self._error: HomeOpsError | None = None
        own = pulumi.ResourceOptions()
        if args.gate is not None:
            kind = self.token.rpartition(":")[2]
            hook = pulumi.ResourceHook(f"{kind} gate of {name}", self._pass)
            own.hooks = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
        inputs = {"digest": args.digest, "attempt": attempt(args)}
        super().__init__(self.token, name, inputs, pulumi.ResourceOptions.merge(own, opts))

    async def outcome(self) -> HomeOpsError | None:
        """Why what comes next may not begin; None when it may."""
        await self.urn.future()
        passed = self._error is None if self._tried else _passed(self._args)
        self.register_outputs({"passed": passed})
        return self._error

    async def _pass(self, _args: pulumi.ResourceHookArgs) -> None:
        self._tried = True
        assert self._args.gate is not None
        try:
            await self._args.gate()
        except HomeOpsError as error:
            self._error = error


async def leave_waves(parent: pulumi.Resource, application: str, inventory: Inventory) -> None:
    """Declare the gates of an Application that is left as it is, as they were."""
    for name, last in inventory.waves.items():
        if name.startswith(f"{application}/"):
            args = WaveArgs(digest=last.digest, last=last)
            await Wave(name, args, pulumi.ResourceOptions(parent=parent)).outcome()


def _passed(args: WaveArgs) -> bool:
    last = args.last
    return last is not None and last.passed and last.digest == args.digest


def attempt(args: WaveArgs) -> int:
    """A number that grows while a gate is not passed, so that the engine sees a change."""
    last = args.last
    if last is None or last.digest != args.digest:
        return 0
    if args.gate is None or (last.passed and not args.again):
        return last.attempt
    return last.attempt + 1

"""A tree of Applications that changes at random, one commit after the other.

Every object has a name of its own, so that a file can be moved between Applications; which of them
are broken is known of every commit, because an independent render cannot find that out.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import yaml

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.hooks import hook, job
from tests.e2e.live import Body
from tests.e2e.reconciling import Reconciling

T = TypeVar("T")
BROKEN = "broken.yaml"
KINDS = "kinds"
FEWEST, MOST = 3, 8
TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Values.name }}"}
data: {value: "{{ .Values.value }}"}
"""


class Tree:
    """A working copy and its history.

    Args:
        passes: commits to it.
        chance: decides what happens.
        breaks: whether Applications are broken, too. What a broken one keeps is known only where
            every commit before was synced.
    """

    def __init__(self, passes: Reconciling, chance: random.Random, *, breaks: bool = True) -> None:
        self.passes = passes
        self.checkout: Checkout = passes.checkout
        self.broken: frozenset[str] = frozenset()
        self._chance = chance
        self._breaks = breaks
        self._number = 0
        self._history: list[tuple[str, frozenset[str]]] = []
        group = f"{self.checkout.id}.example"
        self._group = group
        self.checkout.write(KINDS, objects.definition(group, "Widget"))
        for _ in range(FEWEST):
            self._add()
        self._commit("begin")

    @property
    def head(self) -> str:
        """The commit."""
        return self._history[-1][0]

    def names(self) -> list[str]:
        """The directories of all Applications."""
        return [KINDS, *self._directories()]

    def change(self) -> str:
        """Commit one change; what it was."""
        while True:
            action = self._chance.choices(*zip(*self._actions(), strict=True))[0]
            said = action()
            if said:
                self._commit(said)
                return said
            self._restore(*self._history[-1])

    def _actions(self) -> Iterator[tuple[Callable[[], str], int]]:
        count = len(self._directories())
        yield self._edit, 8
        yield self._add, 4 if count < MOST else 0
        yield self._remove, 2 if count > FEWEST else 0
        yield self._move_an_object, 3
        yield self._rename, 2
        yield self._break, 2 if self._breaks and len(self.broken) < 2 else 0
        yield self._repair, 4 if self.broken else 0
        yield self._revert, 2
        yield self._edit_the_kind, 1

    def _add(self) -> str:
        name = f"app-{self._next()}"
        make = self._chance.choice((self._plain, self._plain, self._kustomization, self._chart))
        make(name)
        return f"add {name}"

    def _plain(self, name: str) -> None:
        for _ in range(self._chance.randint(1, 5)):
            self._put(name, self._object(f"o-{self._next()}"))
        if self._chance.random() < 0.25:
            self._put(name, job(f"o-{self._next()}", hook("PreSync")))

    def _kustomization(self, name: str) -> None:
        self._put(name, objects.config_map(f"o-{self._next()}", self._value()))
        resources = [path.name for path in self.checkout.app(name).iterdir()]
        literals = {"name": f"{name}-generated", "literals": [f"value={self._value()}"]}
        content = {"resources": resources, "configMapGenerator": [literals]}
        self.checkout.text(name, "kustomization.yaml", yaml.safe_dump(content))

    def _chart(self, name: str) -> None:
        self.checkout.text(name, "Chart.yaml", "apiVersion: v2\nname: own\nversion: 0.1.0\n")
        self._values(name, f"o-{self._next()}")
        self.checkout.text(name, "templates/configmap.yaml", TEMPLATE)

    def _values(self, name: str, object_name: str) -> None:
        content = {"name": object_name, "value": self._value()}
        self.checkout.text(name, "values.yaml", yaml.safe_dump(content))

    def _edit(self) -> str:
        name = self._some(self._healthy())
        directory = self.checkout.app(name)
        if (directory / "Chart.yaml").exists():
            self._values(name, f"{name}-own")
        elif (file := directory / "kustomization.yaml").exists():
            content = yaml.safe_load(file.read_text())
            content["configMapGenerator"][0]["literals"] = [f"value={self._value()}"]
            file.write_text(yaml.safe_dump(content))
        else:
            files = sorted(directory.iterdir())
            if len(files) > 1 and self._chance.random() < 0.3:
                self._some(files).unlink()
            elif self._chance.random() < 0.3:
                self._put(name, self._object(f"o-{self._next()}"))
            else:
                self._edit_object(self._some(files))
        return f"edit {name}"

    def _edit_object(self, file: Path) -> None:
        body = json.loads(file.read_text())
        made = self._object(body["metadata"]["name"], kind=body["kind"])
        if body["kind"] == "Job":
            body["metadata"]["labels"] = {"edited": self._value()}
            made = body
        file.write_text(json.dumps(made))

    def _edit_the_kind(self) -> str:
        made = objects.definition(self._group, "Widget")
        made["metadata"]["labels"] = {"edited": self._value()}
        self.checkout.write(KINDS, made)
        return "edit the definition"

    def _remove(self) -> str:
        name = self._some(self._directories())
        self.checkout.remove(name)
        self.broken -= {name}
        return f"remove {name}"

    def _move_an_object(self) -> str:
        plain = [name for name in self._healthy() if self._is_plain(name)]
        full = [name for name in plain if len(list(self.checkout.app(name).iterdir())) > 1]
        if not full or len(plain) < 2:
            return ""
        source = self._some(full)
        target = self._some([name for name in plain if name != source])
        file = self._some(sorted(self.checkout.app(source).iterdir()))
        file.rename(self.checkout.app(target) / file.name)
        return f"move {file.stem} from {source} to {target}"

    def _rename(self) -> str:
        name, other = self._some(self._healthy()), f"app-{self._next()}"
        self.checkout.app(name).rename(self.checkout.app(other))
        return f"rename {name} to {other}"

    def _break(self) -> str:
        plain = [name for name in self._healthy() if self._is_plain(name)]
        if not plain:
            return ""
        name = self._some(plain)
        self.checkout.text(name, BROKEN, "kind: [broken\n")
        self.broken |= {name}
        return f"break {name}"

    def _repair(self) -> str:
        name = self._some(sorted(self.broken))
        (self.checkout.app(name) / BROKEN).unlink()
        self.broken -= {name}
        return f"repair {name}"

    def _revert(self) -> str:
        commit, broken = self._some(self._history)
        if broken != self.broken or any(
            self._files(commit, name) != self._files("HEAD", name) for name in broken
        ):
            return ""  # what a broken Application keeps may be another's by now
        self._restore(commit, broken)
        return f"back to {commit[:7]}"

    def _restore(self, commit: str, broken: frozenset[str]) -> None:
        shutil.rmtree(self.checkout.root / "apps")
        self.passes.git("checkout", "--quiet", commit, "--", "apps")
        self.broken = broken

    def _files(self, commit: str, name: str) -> str:
        path = f"apps/{self.checkout.id}/{name}"
        return self.passes.git("ls-tree", "-r", commit, "--", path)

    def _commit(self, said: str) -> None:
        self._history.append((self.passes.commit(said), self.broken))

    def _object(self, name: str, *, kind: str = "") -> Body:
        value = self._value()
        makers: dict[str, Callable[[], Body]] = {
            "ConfigMap": lambda: objects.config_map(name, value),
            "Secret": lambda: objects.thing("v1", "Secret", name, stringData={"password": value}),
            "Service": lambda: objects.service(name, port=self._chance.randint(1, 60000)),
            "Deployment": lambda: objects.deployment(name, image=f"registry.example/app:{value}"),
            "Role": lambda: objects.role(name, self._chance.choice(("pods", "secrets", "events"))),
            "Widget": lambda: objects.thing(
                f"{self._group}/v1", "Widget", name, spec={"size": value}
            ),
            "Job": lambda: job(name, hook("PreSync")),
        }
        return makers[kind or self._chance.choice([each for each in makers if each != "Job"])]()

    def _put(self, name: str, body: Body) -> None:
        self.checkout.text(name, f"{body['metadata']['name']}.json", json.dumps(body))

    def _directories(self) -> list[str]:
        parent = self.checkout.root / "apps" / self.checkout.id
        return sorted(each.name for each in parent.iterdir() if each.name != KINDS)

    def _healthy(self) -> list[str]:
        return [name for name in self._directories() if name not in self.broken]

    def _is_plain(self, name: str) -> bool:
        directory = self.checkout.app(name)
        return not any((directory / file).exists() for file in ("Chart.yaml", "kustomization.yaml"))

    def _some(self, found: Sequence[T]) -> T:
        return self._chance.choice(found)

    def _value(self) -> str:
        return f"v{self._chance.randrange(10**6)}"

    def _next(self) -> int:
        self._number += 1
        return self._number

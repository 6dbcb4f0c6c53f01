"""What does a forge tell, and does it concern us?

Called once the delivery is known to be genuine. Only pushes count; of the stack's own repository
only those to its revision. Sources: the payloads in GitHub's, GitLab's, Gitea's and Bitbucket's
documentation of webhooks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gitops.triggers.signature import Envelope, Forge, RefusedError

_SHORT = re.compile(r"^(?:[^@/]+@)?([^:/]+):(?!/)(.+)$")
_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_EVENTS: Mapping[Forge, tuple[str, frozenset[str]]] = {
    Forge.GITHUB: ("X-GitHub-Event", frozenset({"push", "create", "delete"})),
    Forge.GITEA: ("X-Gitea-Event", frozenset({"push", "create", "delete"})),
    Forge.GITLAB: ("X-Gitlab-Event", frozenset({"Push Hook", "Tag Push Hook", "System Hook"})),
    Forge.BITBUCKET: ("X-Event-Key", frozenset({"repo:push", "repo:refs_changed"})),
}
_IDS: Mapping[Forge, tuple[str, ...]] = {
    Forge.GITHUB: ("X-GitHub-Delivery",),
    Forge.GITEA: ("X-Gitea-Delivery",),
    Forge.GITLAB: ("Idempotency-Key", "X-Gitlab-Event-UUID"),
    Forge.BITBUCKET: ("X-Request-UUID", "X-Request-Id"),
    Forge.GENERIC: ("webhook-id",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery: what the forge calls it, whether something was pushed, to which repository
    under all its addresses, and to which refs; both are empty where the delivery does not say."""

    id: str
    event: str
    is_push: bool
    repositories: frozenset[str] = frozenset()
    refs: frozenset[str] = frozenset()
    default_branch: str = ""


def read(forge: Forge, envelope: Envelope) -> Delivery:
    """Read a genuine delivery.

    Raises:
        RefusedError: its body is nothing a forge sends.
    """
    name = next(filter(None, (envelope.header(each) for each in _IDS[forge])), "")
    if forge is Forge.GENERIC:
        return _generic(name, envelope)
    header, pushes = _EVENTS[forge]
    event = envelope.header(header)
    if event not in pushes:
        return Delivery(id=name, event=event, is_push=False)
    body = _body(envelope)
    repository = _mapping(body.get("repository"))
    project = _mapping(body.get("project"))
    return Delivery(
        id=name,
        event=event,
        is_push=True,
        repositories=frozenset(_addresses(repository) | _addresses(project)),
        refs=frozenset(_refs(body)),
        default_branch=str(project.get("default_branch") or repository.get("default_branch") or ""),
    )


def concerns(delivery: Delivery, repository: str, revision: str) -> bool:
    """Whether a pass is due.

    Args:
        delivery: what was told.
        repository: the stack's repository; empty where any counts.
        revision: its target revision. HEAD, or none, is the default branch.

    A push to another repository counts: whoever set up its hook has an Application from there.
    """
    if not delivery.is_push:
        return False
    own = same(repository) in {same(each) for each in delivery.repositories}
    if not repository or not delivery.repositories or not own or not delivery.refs:
        return True
    wanted = revision if revision not in ("", "HEAD") else delivery.default_branch
    if not wanted:
        return any(ref.startswith(_HEADS) for ref in delivery.refs)
    return not delivery.refs.isdisjoint({wanted, f"{_HEADS}{wanted}", f"{_TAGS}{wanted}"})


def same(url: str) -> str:
    """A repository's address without what one repository has several of: scheme, user, port, the
    short form of SSH."""
    text = url.strip().lower()
    if "://" not in text and (short := _SHORT.match(text)):
        host, path = short.groups()
    else:
        parts = urlsplit(text)
        host, path = parts.hostname or "", parts.path
    path = path.strip("/").removesuffix(".git").removeprefix("scm/")  # Bitbucket Data Center
    return f"{host}/{path}"


def _generic(name: str, envelope: Envelope) -> Delivery:
    body = _body(envelope) if envelope.body.strip() else {}
    repository, ref = body.get("repository"), body.get("ref")
    return Delivery(
        id=name,
        event="push",
        is_push=True,
        repositories=frozenset({repository} if isinstance(repository, str) else ()),
        refs=frozenset({ref} if isinstance(ref, str) else ()),
    )


def _body(envelope: Envelope) -> Mapping[str, Any]:
    text = envelope.body
    if envelope.header("Content-Type").startswith("application/x-www-form-urlencoded"):
        text = parse_qs(text.decode(errors="replace")).get("payload", [""])[0].encode()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "the body is no JSON") from error
    if not isinstance(found, dict):
        raise RefusedError(400, "the body is no object")
    return found


def _addresses(repository: Mapping[str, Any]) -> set[str]:
    names = (
        "clone_url",
        "ssh_url",
        "git_url",
        "html_url",
        "git_http_url",
        "git_ssh_url",
        "web_url",
    )
    found = [repository.get(name) for name in (*names, "url", "homepage")]
    links = _mapping(repository.get("links"))
    found.append(_mapping(links.get("html")).get("href"))
    found += [_mapping(each).get("href") for each in _list(links.get("clone"))]
    return {each for each in found if isinstance(each, str) and each}


def _refs(body: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(ref := body.get("ref"), str):
        # of what is created or deleted only the short name is told
        kinds = {"branch": _HEADS, "tag": _TAGS}
        prefix = kinds.get(str(body.get("ref_type")), "")
        yield ref if ref.startswith("refs/") else f"{prefix}{ref}"
    for change in _list(_mapping(body.get("push")).get("changes")):
        for side in ("new", "old"):
            told = _mapping(_mapping(change).get(side))
            if isinstance(name := told.get("name"), str):
                yield f"{_TAGS if told.get('type') == 'tag' else _HEADS}{name}"
    for change in _list(body.get("changes")):
        if isinstance(ref := _mapping(_mapping(change).get("ref")).get("id"), str):
            yield ref


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

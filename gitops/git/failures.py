"""What does it mean that Git could not reach a repository, and what helps?

Called by everything that fetches. Known sayings of Git and ssh are a table; everything else is
passed on as it was said.
"""

from __future__ import annotations

import re

_ANOTHER_KEY = "REMOTE HOST IDENTIFICATION HAS CHANGED"
_FINGERPRINT = re.compile(r"\bSHA256:[A-Za-z0-9+/]+")
_REMEDIES = {
    "Host key verification failed": "add the server's key to known_hosts in the Secret that logs "
    "in to it, or to ~/.ssh/known_hosts",
    "certificate": "put its authority into ca.crt of the Secret that logs in to it, or name the "
    "file with it in GIT_SSL_CAINFO",
}


def meaning(said: str, *, remedy: str) -> tuple[str, str]:
    """The reason and the remedy.

    Args:
        said: what Git wrote to its error output.
        remedy: what helps where nothing better is known.
    """
    cause = " ".join(said.split()).removeprefix("stderr: ").strip("' ")
    if _ANOTHER_KEY in cause:
        shown = _FINGERPRINT.search(cause)
        key = f"SSH host key {shown.group()}" if shown else "SSH host key"
        return (
            f"the server has shown the {key}, and known_hosts has another one for it: it has a new "
            "key, or somebody else answers in its place",
            "ask whoever runs the server for its key; if that is it, correct known_hosts",
        )
    return cause, next((helps for text, helps in _REMEDIES.items() if text in cause), remedy)

"""Which token does GitHub give an App for one of its installations?

Called when a repository is logged in to with a Secret that holds an App. The App proves itself by
a JWT it has signed and gets a token of an hour. Source: GitHub, "Authenticating as a GitHub App
installation", "Generating a JSON Web Token for a GitHub App".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from gitops.credentials.errors import LoginError

API = "https://api.github.com"
USERNAME = "x-access-token"
MARGIN = timedelta(minutes=5)
"""A token is not used for the last minutes of its life: what uses it takes time."""
# Clocks differ, and GitHub takes no JWT that is older than ten minutes or from the future.
_EARLIER, _LATER = timedelta(minutes=1), timedelta(minutes=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubApp:
    """An App, its key, and where its API is; an installation that is not named is looked up.

    ``authorities`` are certificates in PEM beside the system's; ``insecure`` trusts anybody.
    """

    app_id: str
    private_key: str = field(repr=False)
    installation_id: str = ""
    base_url: str = API
    authorities: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    expires: datetime


# Of the process, for passes come every few minutes; another key or App is another entry.
_kept: dict[tuple[GitHubApp, str], _Token] = {}
_lock = threading.Lock()


def token(app: GitHubApp, url: str, *, now: datetime | None = None) -> str:
    """The installation's token, a new one where the last has a few minutes left.

    Args:
        app: the App.
        url: the repository, which errors name.
        now: the time, with its zone.

    Raises:
        LoginError: the key is none, or GitHub does not answer, does not know the App, or its
            installation.
    """
    now = now or datetime.now(UTC)
    name = (app, "" if app.installation_id else _repository(url))
    with _lock:
        found = _kept.get(name)
        if found is None or now >= found.expires - MARGIN:
            found = _kept[name] = _asked(app, url, now)
        return found.text


def forget(app: GitHubApp) -> None:
    """Ask for new tokens of an App next time: a server has refused the one there is."""
    with _lock:
        for name in [each for each in _kept if each[0] == app]:
            del _kept[name]


def _asked(app: GitHubApp, url: str, now: datetime) -> _Token:
    from gitops.credentials.github_requests import answer_of  # few use an App

    signed = _signed(app, url, now)
    installation = app.installation_id
    if not installation:
        path = f"repos/{_repository(url)}/installation"
        installation = str(answer_of(app, url, signed, "GET", path).get("id", ""))
    path = f"app/installations/{installation}/access_tokens"
    answer = answer_of(app, url, signed, "POST", path)
    try:
        return _Token(text=answer["token"], expires=datetime.fromisoformat(answer["expires_at"]))
    except (KeyError, TypeError, ValueError) as error:
        remedy = "check githubAppEnterpriseBaseUrl"
        reason = f"{app.base_url} answers, but not with a token"
        raise LoginError(f"repository {url}", reason, remedy=remedy) from error


def _signed(app: GitHubApp, url: str, now: datetime) -> str:
    import jwt  # a tenth of a second

    claims = {"iat": now - _EARLIER, "exp": now + _LATER, "iss": app.app_id}
    try:
        return jwt.encode(claims, app.private_key, algorithm="RS256")
    except (jwt.PyJWTError, TypeError, ValueError):
        raise LoginError(
            f"repository {url}",
            f"the key of GitHub App {app.app_id} is no RSA private key in PEM",
            remedy="correct githubAppPrivateKey",
        ) from None  # what the library says may repeat the key


def _repository(url: str) -> str:
    """``owner/name``, as GitHub's API has it."""
    path = urlsplit(url).path.strip("/").removesuffix(".git")
    return "/".join(path.split("/")[-2:])

"""From options, environment and the kept credentials to a client that is signed in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from wrenchai_client import credentials
from wrenchai_client.credentials import Credential, Store
from wrenchai_client.errors import BAD_INPUT, FORBIDDEN, NO_SERVER, ClientError
from wrenchai_client.server import NAMED, ApiClient, is_loopback
from wrenchai_client.text import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A server of this machine that lets its owner in without signing in."""

    url: str
    token: Callable[[], str]


def open_door(url: str, local: Local | None) -> ApiClient:
    """Return a client for a URL; without one, for the environment's, the last that was signed in, or the local one.

    Raises ClientError where nobody is signed in.
    """
    named, key = credentials.from_environment()
    store = Store()
    url = checked(url or named or store.current() or (local.url if local else ""), plain=True)
    if not url:
        raise ClientError(
            f"which server? Sign in by `login --url https://...`, or set {credentials.URL_VARIABLE}",
            exit_code=BAD_INPUT,
        )
    found = key if key is not None and url == named else store.get(url)
    if found is None and local is not None and url == local.url:
        return ApiClient(url, local.token(), renew=lambda refused: local.token())
    checked(url, plain=found is not None and found.plain_http)
    if found is None:
        raise ClientError(f"not signed in at {url}: `login --url {url}`", exit_code=FORBIDDEN)
    return ApiClient(
        url, found.bearer, renew=None if found.key else lambda refused: renew(store, url, refused)
    )


def checked(url: str, *, plain: bool = False) -> str:
    """Return a server's URL without a slash at its end. Raises ClientError for what is none, or none that is safe."""
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise ClientError(
            f"{url!r} is no address of a server; write it like https://wrench.example.org",
            exit_code=BAD_INPUT,
        )
    if parts.scheme == "http" and not plain and not is_loopback(url):
        raise ClientError(
            f"{url} is not encrypted: everybody on the way could read your key; "
            f"if that is all right, login --plain-http, or {credentials.PLAIN_VARIABLE}=1",
            exit_code=BAD_INPUT,
        )
    return url.rstrip("/")


def by_password(url: str, username: str, password: str) -> Credential:
    """Sign in. Raises ClientError with the server's own words."""
    pair = _token(url, {"grant_type": "password", "username": username, "password": password})
    return Credential(access=pair["access_token"], refresh=pair["refresh_token"], username=username)


def renew(store: Store, url: str, refused: str) -> str:
    """Return a fresh access token; another process may have fetched one meanwhile. Raises ClientError."""
    with store.locked():
        held = store.get(url)
        if held is None:
            raise ClientError(f"signed out at {url} meanwhile", exit_code=FORBIDDEN)
        if held.access and held.access != refused:
            return held.access
        pair = _token(url, {"grant_type": "refresh_token", "refresh_token": held.refresh})
        fresh = credentials.with_pair(held, access=pair["access_token"], refresh=pair["refresh_token"])
        store.replace(url, fresh)
        return fresh.access


def withdraw(url: str, credential: Credential) -> None:
    """End the session of a pair of tokens at the server. Says so if that cannot be done."""
    try:
        _post(url, "/api/v1/token/revoke", {"token": credential.refresh})
    except ClientError as error:
        print(f"wrenchai: the session at {url} was not ended: {error}", file=sys.stderr)


def _token(url: str, form: dict[str, str]) -> dict[str, str]:
    pair = _post(url, "/api/v1/token", form).json()
    if not isinstance(pair, dict) or not {"access_token", "refresh_token"} <= pair.keys():
        raise ClientError(f"{url} gave no tokens: is it WrenchAI?", exit_code=NO_SERVER)
    return pair


def _post(url: str, path: str, form: dict[str, str]) -> httpx.Response:
    try:
        response = httpx.post(
            url + path, data=form, timeout=30, trust_env=not is_loopback(url), headers=NAMED
        )
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ClientError(f"{url} does not answer ({error})", exit_code=NO_SERVER) from None
    if response.is_success:
        return response
    try:
        told = response.json()
        said = clean(told.get("error_description") or told.get("detail") or told)
    except (ValueError, AttributeError):
        raise ClientError(
            f"{url}{path} answered {response.status_code}: is it WrenchAI?", exit_code=NO_SERVER
        ) from None
    if form.get("grant_type") == "refresh_token":
        said += f"; sign in again: `login --url {url}`"
    raise ClientError(said, exit_code=FORBIDDEN)

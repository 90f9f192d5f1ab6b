"""The REST API as a client sees it.

Refuses to know the server's code: it reads JSON, tolerates fields it does not know and those that are missing.
"""

import hashlib
import ipaddress
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from wrenchai_client.errors import BAD_INPUT, FAILED, FORBIDDEN, NO_SERVER, ClientError
from wrenchai_client.text import clean

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})
PATIENCE_SECONDS = 30.0  # how long a web that restarts is waited for, and a rate limit
PAGE = 100
NAMED = {"User-Agent": "wrenchai-client/1"}  # what the page of sessions shows
NEVER_BETTER = (httpx.InvalidURL, httpx.UnsupportedProtocol)
EXIT_CODES = {400: BAD_INPUT, 404: BAD_INPUT, 409: BAD_INPUT, 413: BAD_INPUT, 422: BAD_INPUT}
EXIT_CODES |= {401: FORBIDDEN, 403: FORBIDDEN}


class ApiRefused(ClientError):
    """The API said no; the text is its own explanation. `status` is the HTTP status."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text, exit_code=EXIT_CODES.get(status, FAILED))
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step as the API shows it. Times are ISO 8601.

    `message` is the newest there is to tell: what went wrong, what came of it, how far it is, or why it is planned.
    """

    key: str
    agent: str
    operation: str
    state: str
    message: str
    started_at: str | None
    ended_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """A question of a step that waits for people. `role` is the least that may answer."""

    key: str
    text: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as the API shows it. `page` is the address where people watch and answer."""

    id: str
    state: str
    page: str
    questions: tuple[QuestionView, ...]
    steps: tuple[StepView, ...]
    summary: Mapping[str, Any]
    artifacts: tuple[Mapping[str, Any], ...]
    raw: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINAL_STATES


class ApiClient:
    """One user's view of one server. `renew` gives a new token for one that was refused."""

    def __init__(self, base_url: str, token: str, *, renew: Callable[[str], str] | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._renew = renew
        # a proxy of the environment does not know our loopback
        self._http = httpx.Client(
            base_url=self.base_url, timeout=30, trust_env=not is_loopback(base_url), headers=NAMED
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Read a resource; parameters that are None are left out."""
        return self._json("GET", path, params={name: one for name, one in params.items() if one is not None})

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, once: bool = False) -> dict[str, Any]:
        """Send an order. `once`: with an Idempotency-Key, so that sending it twice does it once."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if once else {}
        return self._json("POST", path, json=dict(body or {}), headers=headers)

    def delete(self, path: str) -> None:
        """End a thing."""
        self._send("DELETE", path)

    def pages(self, path: str, /, *, most: int, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, page by page, at most so many."""
        asked = {name: one for name, one in params.items() if one is not None}
        page = self._json("GET", path, params={"limit": min(most, PAGE), **asked})
        while True:
            for row in page.get("results", [])[:most]:
                yield row
                most -= 1
            if not most or not page.get("next"):
                return
            page = self._json("GET", str(page["next"]))

    def submit(
        self,
        *,
        goal: str,
        target: Mapping[str, str],
        project: str,
        priority: int | None = None,
        base: Mapping[str, str] | None = None,
        sarif: Sequence[Mapping[str, str]] = (),
    ) -> str:
        """Start a run; return its id. Sending twice makes one run (Idempotency-Key)."""
        body: dict[str, Any] = {"goal": goal, "target": dict(target), "project": project}
        if priority is not None:
            body["priority"] = priority
        if base is not None:
            body["base"] = dict(base)
        if sarif:
            body["sarif"] = [{"digest": one["digest"], "name": one["name"]} for one in sarif]
        return str(self.post("/api/v1/runs", body, once=True)["id"])

    def upload(self, archive: Path, *, project: str, name: str = "") -> dict[str, str]:
        """Send an archive; return the target that names it. Raises ClientError if it cannot be read."""
        try:
            size = archive.stat().st_size
            answer = self._json(
                "POST",
                "/api/v1/uploads",
                params={"name": name or archive.name, "project": project},
                content=_Bytes(archive),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            )
        except OSError as error:
            raise ClientError(f"cannot read {archive}: {error.strerror}", exit_code=BAD_INPUT) from None
        return dict(answer["target"])

    def run(self, run: str) -> RunView:
        """Return the run as it is now."""
        return _run_view(self._json("GET", f"/api/v1/runs/{run}"), self.base_url)

    def head(self, run: str, *, after: int) -> int:
        """Return the number of the run's newest event: greater than `after` when something happened."""
        return int(self._json("GET", f"/api/v1/runs/{run}/events", params={"after": after})["head"])

    def cancel(self, run: str, *, reason: str = "") -> None:
        """Ask for the run's end; it ends a little later."""
        self._json("POST", f"/api/v1/runs/{run}/cancel", json={"reason": reason})

    def artifact(self, artifact: Mapping[str, Any]) -> bytes:
        """Return an artifact's bytes, compared with their digest. Raises ClientError."""
        content = self.content(str(artifact["url"]))
        if (expected := artifact.get("sha256")) and hashlib.sha256(content).hexdigest() != expected:
            raise ClientError(
                f"{clean(artifact['name'])} arrived damaged (its SHA-256 differs): fetch it again"
            )
        return content

    def content(self, path: str, **params: Any) -> bytes:
        """Return what is not JSON."""
        return self._send("GET", path, params=params).content

    def renewed(self) -> str:
        """Return a token that is good now; the one that was refused if nothing can renew it."""
        if self._renew is not None:
            self.token = self._renew(self.token)
        return self.token

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        response = self._send(method, path, **request)
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ClientError(
                f"{self.base_url}{path} did not answer with a JSON object: is it WrenchAI?",
                exit_code=NO_SERVER,
            )
        return body

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send; wait for a web that restarts and for a rate limit, renew the token once.

        Raises ApiRefused, ClientError.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        headers = request.pop("headers", {})
        renewed = False
        while True:
            try:
                response = self._http.request(
                    method, path, headers={"Authorization": f"Bearer {self.token}", **headers}, **request
                )
            except (httpx.TransportError, httpx.InvalidURL) as error:
                if time.monotonic() > deadline or isinstance(error, NEVER_BETTER):
                    said = f"{self.base_url} does not answer ({error})"
                    raise ClientError(said, exit_code=NO_SERVER) from None
                time.sleep(0.3)
                continue
            if response.status_code == 401 and self._renew is not None and not renewed:
                self.token, renewed = self._renew(self.token), True
                continue
            wait = _retry_after(response) if response.status_code in {429, 503} else None
            if wait is not None and time.monotonic() + wait < deadline:
                time.sleep(wait)
                continue
            if response.is_error:
                raise ApiRefused(_explanation(response), status=response.status_code)
            return response


class _Bytes:
    """A file's bytes in portions; from the beginning each time that they are sent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while portion := file.read(2**18):
                yield portion


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _explanation(response: httpx.Response) -> str:
    """Return the detail of a problem (RFC 9457), or its title, else the status."""
    try:
        problem = response.json()
        told = clean(problem.get("detail") or problem.get("title") or "")
    except (ValueError, TypeError, AttributeError):
        told = ""
    return told or f"{response.request.url} answered {response.status_code}"


def _run_view(raw: Mapping[str, Any], base_url: str = "") -> RunView:
    return RunView(
        id=str(raw["id"]),
        state=str(raw["state"]),
        page=f"{base_url}{clean(raw.get('url') or '/')}",
        questions=tuple(_question_view(one) for one in raw.get("approvals") or ()),
        steps=tuple(_step_view(step) for step in raw.get("steps") or ()),
        summary=raw.get("summary") or {},
        artifacts=tuple(raw.get("artifacts") or ()),
        raw=raw,
    )


def _question_view(raw: Mapping[str, Any]) -> QuestionView:
    return QuestionView(
        key=clean(raw.get("step", "")),
        text=clean(raw.get("question", "")),
        role=clean(raw.get("role", "")),
    )


def _step_view(raw: Mapping[str, Any]) -> StepView:
    progress = raw.get("progress") or {}
    counted = f"{progress.get('done')}/{progress['total']} " if progress.get("total") else ""
    error = raw.get("error") or {}
    message = f"{counted}{progress.get('message') or ''}".strip()
    if error:
        message = str(error.get("message") or error.get("detail") or error.get("kind") or error)
    elif raw.get("summary"):
        message = str(raw["summary"])
    elif raw.get("ended_at"):
        message = ""
    return StepView(
        key=clean(raw.get("key", "")),
        agent=clean(raw.get("agent", "")),
        operation=clean(raw.get("operation", "")),
        state=str(raw.get("state", "")),
        message=clean(message or raw.get("reason") or ""),
        started_at=raw.get("started_at"),
        ended_at=raw.get("ended_at"),
    )

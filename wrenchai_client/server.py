"""The REST API as `./wrench run` sees it: like any other client.

Refuses to know the server's code: it reads JSON, tolerates fields it does not know and those that are missing.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from wrenchai_client.errors import ClientError
from wrenchai_client.text import clean

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})
PATIENCE_SECONDS = 30.0  # how long a web that restarts is waited for


class ApiRefused(ClientError):
    """The API said no; the text is its own explanation. `status` is the HTTP status."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text, exit_code=2 if status in {400, 404, 413, 422} else 1)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step as the API shows it. Times are ISO 8601."""

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
    """One user's view of one server. `renew` fetches a new token when the old one has run out."""

    def __init__(self, base_url: str, token: str, *, renew: Callable[[], str] | None = None) -> None:
        self.base_url = base_url
        self._token = token
        self._renew = renew
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False)  # no proxy to our loopback

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, *, goal: str, target: Mapping[str, str], project: str) -> str:
        """Start a run; return its id. Sending twice makes one run (Idempotency-Key)."""
        body = {"goal": goal, "target": dict(target), "project": project}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return str(self._json("POST", "/api/v1/runs", json=body, headers=headers)["id"])

    def upload(self, archive: Path, *, project: str) -> dict[str, str]:
        """Send an archive; return the target that names it. Raises ClientError if it cannot be read."""
        try:
            content = archive.read_bytes()
        except OSError as error:
            raise ClientError(f"cannot read {archive}: {error.strerror}", exit_code=2) from None
        answer = self._json(
            "POST",
            "/api/v1/uploads",
            params={"name": archive.name, "project": project},
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        return dict(answer["target"])

    def run(self, run: str) -> RunView:
        """Return the run as it is now."""
        return _run_view(self._json("GET", f"/api/v1/runs/{run}"), self.base_url)

    def head(self, run: str, *, after: int) -> int:
        """Return the number of the run's newest event: greater than `after` when something happened."""
        return int(self._json("GET", f"/api/v1/runs/{run}/events", params={"after": after})["head"])

    def cancel(self, run: str) -> None:
        """Ask for the run's end; it ends a little later."""
        self._json("POST", f"/api/v1/runs/{run}/cancel")

    def artifact(self, artifact: Mapping[str, Any]) -> bytes:
        """Return an artifact's bytes, compared with their digest. Raises ClientError."""
        content = self._send("GET", str(artifact["url"])).content
        if (expected := artifact.get("sha256")) and hashlib.sha256(content).hexdigest() != expected:
            raise ClientError(
                f"{clean(artifact['name'])} arrived damaged (its SHA-256 differs): fetch it again"
            )
        return content

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        response = self._send(method, path, **request)
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ClientError(f"{self.base_url}{path} did not answer with a JSON object: is it WrenchAI?")
        return body

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send, waiting for a web that restarts and renewing the token once. Raises ApiRefused, ClientError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        headers = request.pop("headers", {})
        renewed = False
        while True:
            try:
                response = self._http.request(
                    method, path, headers={"Authorization": f"Bearer {self._token}", **headers}, **request
                )
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise ClientError(f"the web at {self.base_url} does not answer ({error})") from None
                time.sleep(0.3)
                continue
            if response.status_code == 401 and self._renew is not None and not renewed:
                self._token, renewed = self._renew(), True
                continue
            if response.is_error:
                raise ApiRefused(_explanation(response), status=response.status_code)
            return response


def _explanation(response: httpx.Response) -> str:
    """Return the title and the detail of a problem (RFC 9457), else the status."""
    try:
        problem = response.json()
        told = [clean(problem[name]) for name in ("title", "detail") if problem.get(name)]
    except (ValueError, TypeError, AttributeError, KeyError):
        told = []
    return ": ".join(told) or f"{response.request.url} answered {response.status_code}"


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
    return StepView(
        key=clean(raw.get("key", "")),
        agent=clean(raw.get("agent", "")),
        operation=clean(raw.get("operation", "")),
        state=str(raw.get("state", "")),
        message=clean(message or raw.get("reason") or ""),
        started_at=raw.get("started_at"),
        ended_at=raw.get("ended_at"),
    )

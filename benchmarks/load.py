"""A closed loop of HTTP/1.1 requests over kept connections, lean enough to leave the processors to the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """What a loop came to: seconds per answer, in order of their ends."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    bytes: int = 0

    @property
    def per_second(self) -> float:
        return len(self.took) / self.seconds


def request(
    method: str, path: str, *, token: str, body: bytes = b"", more: Mapping[str, str] | None = None
) -> bytes:
    """Give the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    lines += [f"{name}: {value}" for name, value in (more or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drive(
    port: int, requests: list[bytes], *, connections: int, seconds: float = 0.0, status: int = 200
) -> Outcome:
    """Send them round and round for so long, or each once if `seconds` is 0. Raises SystemExit for another status."""
    return asyncio.run(_drive(port, requests, connections, seconds, status))


async def _drive(port: int, requests: list[bytes], connections: int, seconds: float, status: int) -> Outcome:
    outcome, began = Outcome(), time.perf_counter()
    left = iter(requests) if not seconds else None

    async def loop(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while True:
            if left is not None:
                sent = next(left, None)
            else:
                sent = requests[number % len(requests)] if time.perf_counter() - began < seconds else None
            if sent is None:
                break
            number += connections
            start = time.perf_counter()
            writer.write(sent)
            outcome.bytes += await _answer(reader, status)
            outcome.took.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(loop(n) for n in range(connections)))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _answer(reader: asyncio.StreamReader, status: int) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if "content-length" not in fields:
        raise SystemExit(f"an answer without its length: {head}")
    body = await reader.readexactly(int(fields["content-length"]))
    if int(head.split()[1]) != status:
        raise SystemExit(f"{head}{body[:500].decode(errors='replace')}")
    return len(body)

"""TCP proxies that misbehave on demand: one per process and server, so that a partition has two sides.

    process ── Link ── PostgreSQL or Redis

    pass        bytes go through, after `delay` seconds in each direction
    blackhole   bytes stay where they are, as behind a cut cable: no reset, no end; they go on when it is healed
    reset       every connection is broken now, new ones pass

All links live in one event loop in a thread of the harness. Invariant: a link never changes bytes or their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future

CHUNK_BYTES = 65536


class Link:
    """One listening port that leads to one server port."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.delay = 0.0
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._ports: frozenset[int] = frozenset()

    def upstream_ports(self) -> frozenset[int]:
        """Give our own ports of the connections to the server: how the server knows them."""
        return self._ports

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def _cut(self) -> None:
        self._open.clear()

    def _heal(self) -> None:
        self.delay = 0.0
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._open.wait()
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            writer.transport.abort()  # the server is down: as if nobody listened
            return
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
        self._tasks.add(task)
        self._writers |= {writer, up_writer}
        port = int(up_writer.get_extra_info("sockname")[1])
        self._ports |= {port}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, up_writer))
                both.create_task(self._pump(up_reader, writer))
        finally:
            self._ports -= {port}
            self._writers -= {writer, up_writer}
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way until that way ends; a broken side breaks the other."""
        try:
            while data := await reader.read(CHUNK_BYTES):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
            await self._open.wait()  # an end of the connection does not cross a cut cable either
            writer.close()
        except OSError:
            await self._open.wait()
            writer.transport.abort()


class Proxies:
    """All links, and the thread that they run in."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self.links: list[Link] = []

    def __enter__(self) -> Proxies:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for link in self.links:
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(link.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def link(self, upstream_port: int) -> Link:
        """Open a port that leads to this one."""

        async def make() -> Link:
            link = Link(upstream_port)
            await link.listen()
            return link

        link = asyncio.run_coroutine_threadsafe(make(), self._loop).result(10)
        self.links.append(link)
        return link

    def cut(self, link: Link) -> None:
        """Hold every byte, in both directions, until `heal`."""
        self._do(link._cut)

    def heal(self, link: Link) -> None:
        """Let everything pass at once, what was held first."""
        self._do(link._heal)

    def reset(self, link: Link) -> None:
        """Break the connections that there are."""
        self._do(link._reset)

    def slow(self, link: Link, delay: float) -> None:
        """Delay what passes by so many seconds in each direction, until `heal`."""

        def set_delay() -> None:
            link.delay = delay

        self._do(set_delay)

    def _do(self, act: Callable[[], None]) -> None:
        done: Future[None] = Future()

        def call() -> None:
            try:
                act()
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(call)
        done.result(10)

"""The threads that answer requests: a fixed number for each web process, each with its own lasting connections.

Django gives each request of ASGI a fresh thread, so each opens a connection to PostgreSQL anew, as many as there are
requests at once. Here a request borrows a thread when its first synchronous part is to run, and keeps it to the end,
so that all its parts see the same connection; then it gives it back. Who finds none waits their turn.

A body that is still coming in holds no thread. Nor does an answer that streams: from its start on, each part borrows
a thread for itself, so that slow readers, however many, stop nobody.

Invariant: a thread does the work of one request at a time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase

LARGE = 64 * 1024  # bytes: what the transport buffers; more has to wait for the reader

_VISIT: ContextVar[Visit] = ContextVar("visit")

Job = Callable[[], Any]
Use = Callable[[Executor], None]


class Threads:
    """So many threads, lent one by one."""

    def __init__(self, count: int) -> None:
        workers = [ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"web-{n}") for n in range(count)]
        self._idle: list[Executor] = list(workers)
        self._waiting: deque[Use] = deque()
        self._lock = threading.Lock()

    def lend(self, use: Use) -> None:
        """Call `use` with a thread's executor: now, or as soon as one comes back. The last one used is lent first."""
        with self._lock:
            if not self._idle:
                self._waiting.append(use)
                return
            worker = self._idle.pop()
        use(worker)

    def take_back(self, worker: Executor) -> None:
        """Take a thread back when it has done all that it was given."""
        worker.submit(close_old_connections).add_done_callback(lambda _: self._free(worker))

    def _free(self, worker: Executor) -> None:
        with self._lock:
            if not self._waiting:
                self._idle.append(worker)
                return
            use = self._waiting.popleft()
        use(worker)


class Visit(Executor):
    """One request's way to a thread: borrowed by the first call, given back by `end` or, once it streams, at once."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._worker: Executor | None = None
        self._keeps = True
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call in the thread. One at a time, as asgiref promises; what is cancelled in time does not run."""
        answer: Future[Any] = Future()
        job = partial(_run, answer, partial(fn, *args, **kwargs))
        with self._lock:
            worker = self._worker
        if worker is not None:
            worker.submit(job)
        else:
            self._threads.lend(partial(self._begin, job))
        return answer

    def end(self) -> None:
        """Give the thread back. A call after this borrows one for itself alone."""
        with self._lock:
            self._keeps = False
            worker, self._worker = self._worker, None
        if worker is not None:
            self._threads.take_back(worker)

    def _begin(self, job: Job, worker: Executor) -> None:
        with self._lock:  # the request may have ended while it waited for a thread
            keeps = self._keeps
            if keeps:
                self._worker = worker
        worker.submit(job)
        if not keeps:
            self._threads.take_back(worker)


class Handler(ASGIHandler):
    """Django's handler, answering in threads that last."""

    def __init__(self, threads: Threads) -> None:
        super().__init__()
        self._threads = threads

    def load_middleware(self, is_async: bool = False) -> None:
        """Link the middleware as for WSGI: no view of ours is asynchronous."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in one piece in the thread, without coming back to the loop for each middleware and the view."""
        return await sync_to_async(self.get_response)(request)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        visit = Visit(self._threads)
        token = _VISIT.set(visit)
        try:
            async with ThreadSensitiveContext(executor=visit):
                await self.handle(scope, receive, send)
        finally:
            _VISIT.reset(token)
            visit.end()

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        if not isinstance(response, HttpResponse) or len(response.content) > LARGE:
            _VISIT.get().end()
        await super().send_response(response, send)


def _run(answer: Future[Any], job: Job) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except BaseException as error:  # as an executor does: whoever waits for the answer gets it
        answer.set_exception(error)
    else:
        answer.set_result(result)

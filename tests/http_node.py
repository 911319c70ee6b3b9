"""A node that answers over real HTTP what a test tells it to, however wrong that is."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar


@dataclass
class Reply:
    """One HTTP answer. A body that is neither text nor bytes is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Refusal:
    """A JSON-RPC error."""

    code: int
    message: str
    data: Any = None


class HttpNode:
    """``results`` by method: a value, a Refusal, or a function of the parameters. Without one the method is missing.

    ``replies`` go first, one for each request; a reply may be a function of the request's JSON.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.results: dict[str, Any] = {}
        self.replies: deque[Reply | Callable[[Any], Reply]] = deque()
        self.requests: list[Any] = []

    @property
    def calls(self) -> list[tuple[str, list[Any]]]:
        """All calls, those in batches too: method and parameters."""
        requests = [request if isinstance(request, list) else [request] for request in self.requests]
        return [(call["method"], call["params"]) for request in requests for call in request]

    def params(self, method: str) -> list[list[Any]]:
        return [params for called, params in self.calls if called == method]

    def answer(self, request: Any) -> Any:
        if isinstance(request, list):
            return [self.answer(call) for call in request]
        result = self.results.get(request["method"], Refusal(-32601, "Method not found"))
        if callable(result):
            result = result(request["params"])
        head = {"jsonrpc": "2.0", "id": request["id"]}
        if isinstance(result, Refusal):
            return {**head, "error": {"code": result.code, "message": result.message, "data": result.data}}
        return {**head, "result": result}

    def respond(self, request: Any) -> Reply:
        self.requests.append(request)
        if not self.replies:
            return Reply(self.answer(request))
        reply = self.replies.popleft()
        return reply if isinstance(reply, Reply) else reply(request)


Kind = TypeVar("Kind", bound=HttpNode)


@contextmanager
def serving(kind: Callable[[str], Kind] = HttpNode) -> Iterator[Kind]:  # type: ignore[assignment]  # mypy 4737
    """Give a node that listens on a free port of 127.0.0.1. ``kind`` makes it from its url."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = node.respond(request)
            time.sleep(reply.delay_s)
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.content)
            except OSError:
                self.close_connection = True  # the client gave up waiting

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    node = kind(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

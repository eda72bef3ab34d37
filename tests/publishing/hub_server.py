"""A small hub on this machine: repositories, files as they are and large ones, as huggingface_hub's client sends them.

It keeps what it was given while it is away, and goes away in the middle of a request when told to.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_secret_of_the_tests"

_REPOSITORY = r"(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"


class Hub:
    """What was stored: files by repository and path, and every request as `METHOD path`."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.said: list[str] = []  # messages of commits
        self.cards: dict[str, Any] = {}  # heads of the cards of datasets, by name
        self.refuses: dict[str, tuple[int, str]] = {}  # status and reason by request
        self.goes_away_at: Callable[[str], bool] = lambda request: False
        self.large_files: tuple[str, ...] = (".safetensors", ".parquet")
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """It answers while the context lasts, each time at the same address."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def sent(self, start: str) -> list[str]:
        """The requests that begin so."""
        return [request for request in self.requests if request.startswith(start)]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer_to("GET")

        def do_POST(self) -> None:
            self._answer_to("POST")

        def do_PUT(self) -> None:
            self._answer_to("PUT")

        def _answer_to(self, method: str) -> None:
            body, request = self._body(), f"{method} {self.path.partition('?')[0]}"
            hub.requests.append(request)
            if hub.goes_away_at(request):
                self.close_connection = True
                threading.Thread(target=self.server.server_close).start()  # whoever comes next is refused
                return
            if request in hub.refuses:
                status, reason = hub.refuses[request]
                self._send(status, {"error": reason})
                return
            if not request.startswith("PUT") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                # A hub that repeats what it was sent.
                self._send(401, {"error": f"who is {self.headers.get('Authorization')}?"})
                return
            self._send(*_answer(hub, request, body))

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _send(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _answer(hub: Hub, request: str, body: bytes) -> tuple[int, Any]:
    if request == "GET /api/whoami-v2":
        return 200, {"name": "somebody", "orgs": [{"name": "lab"}]}
    if request == "POST /api/validate-yaml":
        return 200, {"errors": [], "warnings": []}
    if request == "POST /api/repos/create":
        told = json.loads(body)
        kind = told.get("type") or "model"
        name = f"{kind}s/{told['organization']}/{told['name']}"
        there = name in hub.repositories
        hub.repositories.setdefault(name, {})
        return 409 if there else 200, {"url": f"{hub.endpoint}/{name.removeprefix('models/')}"}
    if put := re.fullmatch("PUT /large/([0-9a-f]{64})", request):
        assert hashlib.sha256(body).hexdigest() == put[1]
        hub.large[put[1]] = body
        return 200, {}
    if request.endswith("/info/lfs/objects/batch"):
        return 200, {"objects": [_large(hub, one) for one in json.loads(body)["objects"]]}
    if found := re.fullmatch(f"POST /api/{_REPOSITORY}/preupload/main", request):
        files = hub.repositories[f"{found['kind']}/{found['name']}"]
        return 200, {"files": [_mode(hub, one["path"], files) for one in json.loads(body)["files"]]}
    if found := re.fullmatch(f"POST /api/{_REPOSITORY}/commit/main", request):
        _commit(hub, hub.repositories[f"{found['kind']}/{found['name']}"], body)
        return 200, {"commitUrl": f"{hub.endpoint}/{found['name']}/commit/{'0' * 40}", "commitOid": "0" * 40}
    if (found := re.fullmatch(f"GET /api/{_REPOSITORY}", request)) and found["name"] in hub.cards:
        return 200, {"id": found["name"], "siblings": [], "cardData": hub.cards[found["name"]]}
    if found := re.fullmatch(f"GET /api/{_REPOSITORY}(/revision/main)?", request):
        return 200, {"id": found["name"], "sha": "0" * 40, "siblings": []}
    return 404, {"error": f"no such thing: {request}"}


def _large(hub: Hub, wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted["oid"] in hub.large:
        return wanted
    return wanted | {"actions": {"upload": {"href": f"{hub.endpoint}/large/{wanted['oid']}"}}}


def _mode(hub: Hub, path: str, files: dict[str, bytes]) -> dict[str, Any]:
    large = path.endswith(hub.large_files)
    there = files.get(path)
    blob = b"" if there is None else b"blob %d\0" % len(there) + there
    oid = hashlib.sha256(there or b"").hexdigest() if large else hashlib.sha1(blob).hexdigest()
    mode = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
    return mode | ({} if there is None else {"oid": oid})


def _commit(hub: Hub, files: dict[str, bytes], body: bytes) -> None:
    for line in body.splitlines():
        told = json.loads(line)
        value = told["value"]
        if told["key"] == "header":
            hub.said.append(value["summary"])
        elif told["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif told["key"] == "lfsFile":
            files[value["path"]] = hub.large[value["oid"]]
        else:
            raise AssertionError(told["key"])

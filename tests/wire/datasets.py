"""A loopback server for the published clients of LangSmith, Langfuse, Braintrust and Phoenix: keeps what they send.

It answers no more than the clients need to go on; what it proves is what left the client, byte for byte.
"""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_NOW = "2026-01-01T00:00:00Z"
_UUID = "11111111-1111-4111-8111-111111111111"
_PHOENIX_ID = "RGF0YXNldDox"  # "Dataset:1", as Phoenix writes its ids


class DatasetServer:
    """Use as a context manager; `rows` is what was uploaded so far, whichever client sent it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "DatasetServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environ(self) -> dict[str, str]:
        """What points the clients here."""
        return {
            "LANGSMITH_ENDPOINT": self.url,
            "LANGSMITH_API_KEY": "key",
            "LANGSMITH_TRACING": "false",
            "LANGFUSE_BASE_URL": self.url,
            "LANGFUSE_HOST": self.url,
            "LANGFUSE_TRACING_ENABLED": "false",
            "LANGFUSE_PUBLIC_KEY": "key",
            "LANGFUSE_SECRET_KEY": "key",
            "BRAINTRUST_APP_URL": self.url,
            "BRAINTRUST_API_URL": self.url,
            "BRAINTRUST_API_KEY": "key",
            "PHOENIX_COLLECTOR_ENDPOINT": self.url,
            "PHOENIX_API_KEY": "key",
        }

    def answer(self, path: str, body: Any) -> Any:
        if path.startswith("/examples/bulk"):  # LangSmith
            self.rows += [_row(each["metadata"], each["inputs"], each["outputs"]) for each in body]
            return [{"id": _UUID} for _ in body]
        if path.startswith("/datasets"):
            return {"id": _UUID, "name": body["name"], "created_at": _NOW, "modified_at": _NOW}
        if path.startswith("/api/public/dataset-items"):  # Langfuse
            self.rows.append(_row(body["metadata"], {"messages": body["input"]}, {"expected": body["expectedOutput"]}))
            return _langfuse(body) | {"status": "ACTIVE", "mediaReferences": [], "datasetId": "d"}
        if path.startswith("/api/public/"):
            return _langfuse(body)
        if path.startswith("/v1/datasets/upload"):  # Phoenix
            parts = zip(body["metadata"], body["inputs"], body["outputs"], strict=True)
            self.rows += [_row(*each) for each in parts]
            return {"data": {"dataset_id": _PHOENIX_ID, "version_id": "v"}}
        if path.startswith("/v1/datasets"):
            return {"data": _phoenix(path)}
        if path.startswith("/logs3"):  # Braintrust
            self.rows += [
                _row(
                    {"id": each["id"], **each["metadata"]}, {"messages": each["input"]}, {"expected": each["expected"]}
                )
                for each in body["rows"]
            ]
            return {"ids": [each["id"] for each in body["rows"]]}
        if path.startswith("/api/apikey/login"):
            return {"org_info": [{"id": "o", "name": "org", "api_url": self.url, "proxy_url": self.url}]}
        one = {"id": _UUID, "name": "groundset", "project_id": _UUID}
        return one | {"project": one, "dataset": one}


def _row(about: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    return {"id": about["id"], "conversation": inputs["messages"], "target": outputs["expected"], "about": about}


def _langfuse(body: Any) -> dict[str, Any]:
    return {"id": "x", "projectId": "p", "createdAt": _NOW, "updatedAt": _NOW, **(body or {})}


def _phoenix(path: str) -> dict[str, Any]:
    about = {"id": _PHOENIX_ID, "name": "groundset", "description": None, "metadata": {}, "example_count": 0}
    about |= {"created_at": _NOW, "updated_at": _NOW}
    if "/examples" in path:
        return {"dataset_id": _PHOENIX_ID, "version_id": "v", "examples": []}
    return about


def _handler(server: DatasetServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("content-encoding") == "gzip":
                data = gzip.decompress(data)
            answer = json.dumps(server.answer(self.path, json.loads(data) if data else None)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    return Handler

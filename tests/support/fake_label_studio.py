"""The part of Label Studio's API that is used, as version 1.23 answers, with faults on demand."""

import json
import threading
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "head.body.signature"


class FakeLabelStudio:
    """What the server holds.  serves: {folder on the server: folder here}, for local files.

    faults: statuses of the next answers to questions (GET), before the right one.  passes: personal access tokens'
    short-lived passes that are taken, each for `pass_uses` requests.
    """

    def __init__(self):
        self.serves, self.faults, self.page_size = {}, [], 3
        self.projects, self.tasks, self.storages, self.uploads = {}, {}, [], {}
        self.predictions, self.asked, self.number = {}, [], 0
        self.passes, self.pass_uses = {}, 2

    def next(self) -> int:
        self.number += 1
        return self.number

    def add_annotation(self, task_id: int, result: list, **more) -> None:
        self.tasks[task_id]["annotations"].append({"id": self.next(), "result": result, **more})

    def allowed(self, header: str) -> bool:
        if header == f"Token {TOKEN}":
            return True
        self.passes[header] = self.passes.get(header, 0) - 1
        return self.passes[header] >= 0

    def add_tasks(self, project: int, given: list) -> dict:
        for item in given:
            task = {"id": self.next(), "project": project, "data": item["data"], "annotations": []}
            self.tasks[task["id"]] = task
            self.add_predictions([{"task": task["id"], **p} for p in item.get("predictions", [])])
        return {"task_count": len(given)}

    def add_predictions(self, given: list) -> dict:
        for item in given:
            number = self.next()
            self.predictions[number] = {"id": number, **item}
        return {"created": len(given)}

    def task(self, task: dict) -> dict:
        return task | {"predictions": [p for p in self.predictions.values() if p["task"] == task["id"]]}

    def tasks_of(self, project: int) -> list[dict]:
        return [self.task(task) for task in self.tasks.values() if task["project"] == project]


class Handler(BaseHTTPRequestHandler):
    """`server.state` is a FakeLabelStudio."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def do_PATCH(self):
        self._answer("PATCH")

    def do_DELETE(self):
        self._answer("DELETE")

    def _answer(self, method):
        state, parts = self.server.state, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        state.asked.append(f"{method} {parts.path}")
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/api/version":
            return self._json(200, {"label-studio-os-package": {"version": "1.23.2"}})
        if parts.path == "/api/token/refresh":
            if json.loads(body)["refresh"] != PERSONAL:
                return self._json(401, {"detail": "Token is invalid"})
            name = f"pass{state.next()}"
            state.passes[f"Bearer {name}"] = state.pass_uses
            return self._json(200, {"access": name})
        if not state.allowed(self.headers.get("Authorization", "")):
            return self._json(401, {"detail": "Invalid token."})
        if method == "GET" and state.faults:
            return self._json(state.faults.pop(0), {"detail": "busy"})
        return self._route(state, method, unquote(parts.path).strip("/").split("/"), query, body)

    def _route(self, state, method, path, query, body):
        given = json.loads(body) if body and "json" in self.headers.get("Content-Type", "") else None
        match [method, *path]:
            case ["GET", "api", "current-user", "whoami"]:
                self._json(200, {"id": 1})
            case ["GET", "api", "projects"]:
                self._page(list(state.projects.values()), query, "results")
            case ["POST", "api", "projects"]:
                number = state.next()
                state.projects[number] = {"id": number, "model_version": "", **given}
                self._json(201, state.projects[number])
            case ["GET" | "PATCH", "api", "projects", number]:
                project = state.projects.get(int(number))
                if project is None:
                    return self._json(404, {"detail": "No Project matches the given query."})
                project.update(given or {})
                self._json(200, project)
            case ["GET", "api", "tasks"]:
                self._page(state.tasks_of(int(query["project"])), query, "tasks")
            case ["POST", "api", "tasks", number, "annotations"]:
                state.add_annotation(int(number), **given)
                self._json(201, {})
            case ["POST", "api", "projects", number, "import"] if given is None:
                self._json(201, {"file_upload_ids": self._upload(state, number, body)})
            case ["POST", "api", "projects", number, "import"]:
                self._json(201, state.add_tasks(int(number), given))
            case ["GET", "api", "projects", _, "file-uploads"]:
                numbers = json.loads(query["ids"])
                listed = [{"id": i, "file": name} for i, (name, _) in state.uploads.items() if i in numbers]
                self._json(200, listed[::-1])  # in an order of its own
            case ["POST", "api", "projects", _, "import", "predictions"]:
                self._json(201, state.add_predictions(given))
            case ["DELETE", "api", "predictions", number]:
                del state.predictions[int(number)]
                self._send(204, b"")
            case ["GET", "api", "projects", number, "export"]:
                self._json(200, state.tasks_of(int(number)))
            case ["GET", "api", "storages", "localfiles"]:
                self._json(200, [s for s in state.storages if s["project"] == int(query["project"])])
            case ["POST", "api", "storages", "localfiles"]:
                self._connect(state, given)
            case ["GET", "data", "local-files"]:
                found = [here / query["d"] for here in state.serves.values() if (here / query["d"]).is_file()]
                self._send(200, found[0].read_bytes()) if found else self._send(404, b"")
            case ["GET", "data", *name]:
                self._send(200, {name: content for name, content in state.uploads.values()}["/".join(name)])
            case _:
                self._json(404, {"detail": f"the fake has no {method} {'/'.join(path)}"})
        return None

    def _connect(self, state, given):
        for there, here in state.serves.items():
            if given["path"].startswith(f"{there}/") and (here / given["path"].removeprefix(f"{there}/")).is_dir():
                state.storages.append(given)
                return self._json(201, given)
        reason = f'Absolute local path "{given["path"]}" does not exist'
        return self._json(400, {"detail": "Validation error", "validation_errors": {"non_field_errors": [reason]}})

    def _upload(self, state, project, body) -> list[int]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        numbers = []
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
            numbers.append(state.next())
            name = f"upload/{project}/{numbers[-1]:08x}-{Path(part.get_filename()).name.replace(' ', '_')}"
            state.uploads[numbers[-1]] = (name, part.get_payload(decode=True))
        return numbers

    def _page(self, items, query, key):
        start = (int(query.get("page", 1)) - 1) * self.server.state.page_size
        stop = start + self.server.state.page_size
        self._json(200, {key: items[start:stop], "total": len(items), "next": "more" if stop < len(items) else None})

    def _json(self, status, content):
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status, content, kind="application/octet-stream"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Nothing is printed."""


@contextmanager
def serving(handler=Handler):
    """(address, state) of a server on this machine, until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.state = FakeLabelStudio()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

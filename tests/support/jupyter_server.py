"""A small client of a Jupyter server: logs in with the form as a browser does, runs cells in a kernel of the server."""

import json
import uuid

import requests
import websocket


class JupyterClient:
    """A logged-in session with the server at `url`."""

    def __init__(self, url: str, token: str):
        self.url, self.http = url, requests.Session()
        self.http.get(f"{url}/login", timeout=30)
        answer = self.http.post(
            f"{url}/login",
            data={"_xsrf": self.http.cookies["_xsrf"], "password": token},
            allow_redirects=False,
            timeout=30,
        )
        self.logged_in = answer.status_code == 302

    def api(self, method: str, path: str, /, **body) -> requests.Response:
        headers = {"X-XSRFToken": self.http.cookies["_xsrf"]}
        answer = self.http.request(method, f"{self.url}/api/{path}", json=body or None, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer

    def run_cells(self, notebook: str, cells: list[str], seconds: float) -> list[str]:
        """Runs the cells in a fresh kernel beside `notebook`; what each printed. A failing one is an AssertionError."""
        session = self.api(
            "POST", "sessions", path=notebook, type="notebook", name="", kernel={"name": "python3"}
        ).json()
        kernel = session["kernel"]["id"]
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies)
        address = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
        channel = websocket.create_connection(address, cookie=cookies, timeout=seconds)
        try:
            return [self._run_cell(channel, cell) for cell in cells]
        finally:
            channel.close()
            self.api("DELETE", f"sessions/{session['id']}")

    @staticmethod
    def _run_cell(channel: websocket.WebSocket, source: str) -> str:
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "username": "",
            "session": "test",
            "version": "5.3",
        }
        content = {"code": source, "silent": False, "store_history": True, "stop_on_error": True, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        channel.send(json.dumps(message))
        printed = []
        while True:
            answer = json.loads(channel.recv())
            if answer["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed.append(content["text"])
            if kind == "error":
                raise AssertionError("\n".join([source, *content["traceback"]]))
            if kind == "status" and content["execution_state"] == "idle":
                return "".join(printed)

"""Label Studio's HTTP API: the few questions that are asked, with errors for people."""

import requests
import urllib3

from mrcnn.retry import RETRY_STATUS, Failure, asked_wait, failure_of, repeated

TIMEOUT = (10, 600)  # seconds to connect, and to wait for an answer: an export of a large project takes its time
RETRIES, BACKOFF = 3, 1.0  # only of questions that change nothing
PAGE = 100  # tasks in an answer
START = "Start it with `docker compose --profile label up`, or say where it is with --url."


class Refused(ValueError):
    """The server understood and said no; `status` is that of HTTP."""

    def __init__(self, text: str, status: int):
        super().__init__(text)
        self.status = status


class Server:
    """A Label Studio at `url`.  token: the plain one of a user, or a personal access token."""

    def __init__(self, url: str, token: str):
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url}: the address of Label Studio begins with http:// or https://.")
        self.url = url.rstrip("/")
        self._token = token.strip()
        self._session = requests.Session()
        self._session.auth = lambda request: request  # else a .netrc would take the token's place

    def check(self) -> None:
        """Raises OSError where nothing answers, ValueError for another program and for a token that is refused."""
        try:
            answer = self._session.get(f"{self.url}/api/version", timeout=TIMEOUT)
            known = "label-studio-os-package" in answer.json()
        except requests.exceptions.JSONDecodeError:
            known = False
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ConnectionError(f"{self.url}: no Label Studio answers ({failure_of(error)}). {START}") from error
        if not known:
            raise ValueError(f"{self.url}: the server that answers there is not Label Studio. {START}")
        self.url = answer.url.removesuffix("/api/version")  # where http leads on to https
        self._sign()
        self.get("/api/current-user/whoami")

    def get(self, path: str, **parameters):
        """The answer to a question, as JSON."""
        return self._asked(path, parameters).json()

    def get_bytes(self, path: str) -> bytes | None:
        """A file; None where there is none."""
        try:
            return self._asked(path, {}).content
        except Refused as error:
            if error.status in (403, 404):
                return None
            raise

    def post(self, path: str, content=None, **more):
        """Send JSON, or `files=`; the answer as JSON."""
        return self._send("POST", path, json=content, **more).json()

    def patch(self, path: str, content):
        """Change something."""
        return self._send("PATCH", path, json=content).json()

    def delete(self, path: str) -> None:
        """Delete something."""
        self._send("DELETE", path)

    def projects(self) -> list[dict]:
        """All projects that the user sees."""
        found, page = [], 1
        while True:
            answer = self.get("/api/projects", page=page, page_size=PAGE)
            found += answer["results"]
            if not answer.get("next"):
                return found
            page += 1

    def tasks(self, project_id: int) -> list[dict]:
        """All tasks of a project, with annotations and predictions."""
        found, page = [], 1
        while True:
            answer = self.get("/api/tasks", project=project_id, page=page, page_size=PAGE, fields="all")
            found += answer["tasks"]
            if len(found) >= answer["total"] or not answer["tasks"]:
                return found
            page += 1

    def _asked(self, path: str, parameters: dict) -> requests.Response:
        def attempt():
            response = self._send("GET", path, params=parameters, passing=RETRY_STATUS)
            if response.status_code in RETRY_STATUS:
                raise Failure(_reason(response), wait=asked_wait(response))
            return response

        try:
            return repeated(attempt, RETRIES, BACKOFF)
        except Failure as failure:
            raise ConnectionError(f"{self.url}{path}: {failure}") from failure

    def _send(self, method: str, path: str, *, passing=(), **content) -> requests.Response:
        """One request, or two when a short-lived pass has run out."""
        for last in (False, True):
            try:
                response = self._session.request(method, f"{self.url}{path}", timeout=TIMEOUT, **content)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise ConnectionError(f"{self.url}: the connection was lost ({failure_of(error)}).") from error
            if response.status_code != 401 or not self._personal or last:
                break
            self._sign()
        if response.ok or response.status_code in passing:
            return response
        if response.status_code == 401:
            raise Refused(
                f"{self.url}: Label Studio does not take this token ({_reason(response)}). It is under Account & "
                "Settings in its pages; the one of `docker compose --profile label up` is LABEL_STUDIO_TOKEN in .env.",
                401,
            )
        raise Refused(f"{self.url}: {method} {path}: {_reason(response)}", response.status_code)

    @property
    def _personal(self) -> bool:
        return self._token.count(".") == 2  # a signed token, which is good for getting passes of some minutes

    def _sign(self) -> None:
        self._session.headers["Authorization"] = f"Token {self._token}"
        if self._personal:
            del self._session.headers["Authorization"]
            response = self._session.post(
                f"{self.url}/api/token/refresh", json={"refresh": self._token}, timeout=TIMEOUT
            )
            if not response.ok:
                raise Refused(f"{self.url}: this personal access token is refused ({_reason(response)}).", 401)
            self._session.headers["Authorization"] = f"Bearer {response.json()['access']}"


def _reason(response: requests.Response) -> str:
    """What the server says, in its own words."""
    try:
        content = response.json()
    except requests.exceptions.JSONDecodeError:
        content = None
    text = f"{response.status_code} {response.reason}"
    if isinstance(content, dict):
        details = content.get("validation_errors") or content.get("detail") or ""
        text += f", {details}" if details else ""
    return text

"""Talking to a server: its address and our key from the environment, its problems as sentences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn
from uuid import uuid4

import httpx
import typer

from services.cli.output import EXIT_UNANSWERED, EXIT_UNREACHABLE, EXIT_USAGE, fail

DEFAULT_URL = "http://localhost:8000"
TIMEOUT_S = 60.0
"""The server itself gives a request up after so long, and says so."""
UPLOAD_S = 900.0
"""Longest wait for the answer to a file, which comes when all of it is taken in: 50,000 companies need a few
minutes on a busy machine."""
PAGE = 200
LINES = "application/x-ndjson"
"""In which an import tells how far it is."""

Url = Annotated[
    str, typer.Option(envvar="LIAISON_URL", help="Address of the server.", show_default=DEFAULT_URL)
]
Key = Annotated[
    str | None,
    typer.Option(envvar="LIAISON_KEY", help="API key. Better in the environment than on the command line."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


class Client:
    """Calls the API; a problem ends the command with its sentence."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, path: str, **parameters: Any) -> Any:
        return self._call("GET", path, params=_given(parameters))

    def get_if_known(self, path: str) -> tuple[Any, str]:
        """The answer, or None and the sentence of a server that cannot tell now (503)."""
        response = self._response("GET", path)
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return None, detail(response)
        return self._content(response), ""

    def post(self, path: str, body: Any = None, *, key: str | None = None, **parameters: Any) -> Any:
        """`key`: an idempotency key; a fresh one is made where none is given."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._call("POST", path, json=body, headers=headers, params=_given(parameters))

    def upload(self, path: str, name: str, content: bytes, /, **parameters: Any) -> Any:
        return self._call("POST", path, **self._file(name, content, parameters))

    def upload_telling(
        self, advance: Callable[[int, int], None], path: str, name: str, content: bytes, /, **parameters: Any
    ) -> Any:
        """As `upload`, where the server tells how far it is: `advance` is called with done and total."""
        last: dict[str, Any] = {}
        headers = {"Accept": LINES}
        with (
            self._answering(),
            self.http.stream(
                "POST", path, headers=headers, **self._file(name, content, parameters)
            ) as response,
        ):
            if response.headers.get("content-type") != LINES:
                response.read()
                return self._content(response)
            for line in response.iter_lines():
                last = json.loads(line)
                if "done" in last:
                    advance(last["done"], last["companies"])
        if "problem" in last:
            fail(told(last["problem"]))
        if "report" not in last:
            fail("The answer broke off: the import has stopped on its way. Send the same file again.")
        return last["report"]

    def _file(self, name: str, content: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        usual = self.http.timeout
        timeout = httpx.Timeout(connect=usual.connect, read=UPLOAD_S, write=usual.write, pool=usual.pool)
        return {"files": {"file": (name, content)}, "params": _given(parameters), "timeout": timeout}

    def put(self, path: str, body: Any, *, version: int) -> Any:
        """`version`: the one that was read; where somebody was faster, nothing is overwritten."""
        return self._call("PUT", path, json=body, headers={"If-Match": f'"{version}"'})

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def pages(self, path: str, *, at_most: int, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Items of a list, over as many pages as it takes."""
        cursor: str | None = None
        left = at_most
        while left > 0:
            page = self.get(path, limit=min(left, PAGE), cursor=cursor, **parameters)
            yield from page["items"]
            left -= len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        return self._content(self._response(method, path, **arguments))

    def _response(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        with self._answering():
            return self.http.request(method, path, **arguments)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """What happens to a connection, in a sentence."""
        try:
            yield
        except httpx.ReadTimeout:
            fail(
                f"The server at {self.http.base_url} took the request, and has not answered in time. It may "
                "still be working on it: look whether it is done before you try again.",
                EXIT_UNANSWERED,
            )
        except httpx.TransportError as error:
            unreachable(self.http, error)

    @staticmethod
    def _content(response: httpx.Response) -> Any:
        if not response.is_success:
            fail(problem(response))
        return response.json() if response.content else None


def unreachable(http: httpx.Client, error: httpx.TransportError) -> NoReturn:
    fail(
        f"No server answers at {http.base_url} ({error}). Start one with `liaison serve`, or "
        "name another with LIAISON_URL.",
        EXIT_UNREACHABLE,
    )


def problem(response: httpx.Response) -> str:
    """A problem document as lines for a person."""
    try:
        return told(response.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"The server answered {response.status_code}: {response.text[:300]}"


def told(body: dict[str, Any]) -> str:
    """The same of its content."""
    lines = [f"{body['title']} ({body['status']}): {body['detail']}"]
    lines += [
        f"  {one.get('pointer') or one.get('parameter') or ''}: {one['detail']}"
        for one in body.get("errors", [])
    ]
    return "\n".join(lines)


def detail(response: httpx.Response) -> str:
    """What a problem document says, without its title."""
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return problem(response)


@contextmanager
def connected(url: str, key: str | None) -> Iterator[Client]:
    """A client that speaks with the key."""
    if key is None:
        fail(
            "No API key. Set LIAISON_KEY; the first start of `liaison serve` shows the first one.",
            EXIT_USAGE,
        )
    if not url.startswith(("http://", "https://")):
        fail(f"LIAISON_URL {url!r} is no address: write it like {DEFAULT_URL}.", EXIT_USAGE)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S) as http:
        yield Client(http)


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}

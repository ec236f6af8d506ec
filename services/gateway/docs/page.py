"""The page and what it shows of the OpenAPI document."""

import gzip
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from services.gateway.docs.example import example_of

UNTAGGED = "other"
METHOD_ORDER = ("get", "post", "put", "patch", "delete")
CACHE = {"cache-control": "public, max-age=300", "vary": "accept-encoding"}

_CODE = re.compile("`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    where: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    anchor: str
    summary: str
    description: str
    needs_key: bool
    parameters: list[Parameter]
    body: str
    body_schema: str
    answers: list[Answer]


def operations(document: dict[str, Any]) -> dict[str, list[Operation]]:
    """The operations by tag, in the order of the document."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in METHOD_ORDER:
            if method in methods:
                entry = methods[method]
                tag = (entry.get("tags") or [UNTAGGED])[0]
                by_tag.setdefault(tag, []).append(_operation(document, path, method, entry))
    return by_tag


def _operation(document: dict[str, Any], path: str, method: str, entry: dict[str, Any]) -> Operation:
    schema = _body_schema(entry)
    example = example_of(schema, document) if schema else None
    return Operation(
        method=method.upper(),
        path=path,
        anchor=entry["operationId"],
        summary=entry.get("summary", ""),
        description=entry.get("description", ""),
        needs_key=bool(entry.get("security")),
        parameters=[
            Parameter(
                each["name"],
                each["in"],
                each.get("required", False),
                each.get("description", ""),
            )
            for each in entry.get("parameters", ())
            if each["in"] != "cookie"
        ],
        body=orjson.dumps(example, option=orjson.OPT_INDENT_2).decode() if example is not None else "",
        body_schema=_name(schema),
        answers=[
            Answer(status, each.get("description", ""), _answer_schema(each))
            for status, each in entry["responses"].items()
        ],
    )


def _body_schema(entry: dict[str, Any]) -> dict[str, Any]:
    content = entry.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return schema


def _answer_schema(answer: dict[str, Any]) -> str:
    return next((_name(each.get("schema", {})) for each in answer.get("content", {}).values()), "")


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def prose(text: str) -> Markup:
    """Text of the OpenAPI document, in which backticks mark code, as HTML."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def router(app: FastAPI) -> APIRouter:
    """/docs and its style sheet; rendered once, when first asked for."""
    routes = APIRouter(include_in_schema=False)
    environment = Environment(
        loader=PackageLoader("services.gateway.docs", "."), autoescape=select_autoescape(["html"])
    )
    environment.filters["prose"] = prose
    style = files("services.gateway.docs").joinpath("docs.css").read_bytes()
    rendered: list[bytes] = []

    @routes.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        if not rendered:
            document = app.openapi()
            page = environment.get_template("docs.html")
            text = page.render(
                document=document,
                tags=operations(document),
                schemas={
                    name: orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
                    for name, schema in document["components"]["schemas"].items()
                },
            )
            rendered.extend([text.encode(), gzip.compress(text.encode(), mtime=0)])
        if "gzip" in request.headers.get("accept-encoding", ""):  # a thirteenth of the size
            return HTMLResponse(rendered[1], headers={**CACHE, "content-encoding": "gzip"})
        return HTMLResponse(rendered[0], headers=CACHE)

    @routes.get("/docs/docs.css")
    async def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers=CACHE)

    return routes

"""Errors that people and programs read: RFC 9457 problem details, as typed exceptions.

Every class is one problem type. Its status and title are fixed; its detail is a sentence that says
what to do. The gateway turns any of them into `application/problem+json` and into an OpenAPI entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

PROBLEM_TYPE_BASE = "https://liaison.example/problems/"
"""Identifiers, not promises of a page: RFC 9457 section 3.1.1 lets a type URI be any stable URI."""


class FieldError(BaseModel):
    """One place in the request that is wrong, and a sentence: a JSON pointer (RFC 6901) into the body, or
    the name of a parameter of the address or header."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str


class ProblemDetails(BaseModel):
    """The body of an error: `application/problem+json` (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[FieldError] = Field(default_factory=list)
    trace_id: str | None = Field(None, description="Where to find it in our logs; on unexpected errors")


class Problem(Exception):
    """Base of every expected error. `slug` names the type, `headers` go onto the response."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}

    def body(self, instance: str | None = None) -> ProblemDetails:
        return ProblemDetails(
            type=PROBLEM_TYPE_BASE + self.slug,
            title=self.title,
            status=self.status,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
        )


class TransientError(Exception):
    """Something outside is down or busy: the same call may succeed later. Never dead-letters an event."""


class InvalidInput(Problem):
    status, slug, title = 422, "invalid-input", "The input is not valid"


class MalformedRequest(Problem):
    status, slug, title = 400, "malformed-request", "The request could not be read"


class Unauthenticated(Problem):
    status, slug, title = 401, "unauthenticated", "No valid API key"

    def __init__(self, detail: str, **keywords: Any) -> None:
        super().__init__(detail, **keywords)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class Forbidden(Problem):
    status, slug, title = 403, "forbidden", "Not allowed"


class NotFound(Problem):
    status, slug, title = 404, "not-found", "Not found"


class MethodNotAllowed(Problem):
    status, slug, title = 405, "method-not-allowed", "Method not allowed"


class NotAcceptable(Problem):
    status, slug, title = 406, "not-acceptable", "Not available in that form"


class Conflict(Problem):
    status, slug, title = 409, "conflict", "Conflict with the present state"


class PreconditionFailed(Problem):
    status, slug, title = 412, "precondition-failed", "Changed since you read it"


class PreconditionRequired(Problem):
    status, slug, title = 428, "precondition-required", "If-Match is required"


class TooLarge(Problem):
    status, slug, title = 413, "too-large", "Too large"


class UnsupportedMediaType(Problem):
    status, slug, title = 415, "unsupported-media-type", "Content-Type not understood"


class TooManyRequests(Problem):
    status, slug, title = 429, "too-many-requests", "Too many requests"


class Unavailable(Problem, TransientError):
    """The database or another part is down or busy; nothing was written."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str, *, retry_after: int = 1, **keywords: Any) -> None:
        super().__init__(detail, **keywords)
        self.headers.setdefault("Retry-After", str(retry_after))

"""What is kept of an exception: enough to find the defect, nothing of the event."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from services.kernel.stream.port import Rejected

REASON_LENGTH = 500
"""Characters of a reason; a sentence or two."""
FRAMES = 12
"""Innermost frames kept; the outer ones are this kernel's own."""
FIELDS = 5
"""Wrong fields named in a reason; who has more wrong has the wrong schema."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event could not be handled. `is_rejection`: it was the event's fault, not ours."""

    reason: str
    trace: str
    tries: int
    is_rejection: bool = False

    @classmethod
    def of(cls, error: Exception, *, tries: int) -> Failure:
        return cls(reason_of(error), trace_of(error), tries, isinstance(error, Rejected))


def reason_of(error: Exception) -> str:
    """One line without the values that libraries like to quote: parameters of SQL, input of a model. Without
    control characters too: names of unknown fields are the sender's, and PostgreSQL keeps no NUL."""
    if isinstance(error, ValidationError):
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        said = "; ".join(f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong[:FIELDS])
    elif isinstance(error, DBAPIError):
        # Of the driver's message the first line; the detail below it quotes the row.
        said = (str(error.orig) or type(error.orig).__name__).splitlines()[0]
    else:
        said = str(error)
    kind = "" if isinstance(error, Rejected) else f"{type(error).__name__}: "
    printable = "".join(character if character.isprintable() else " " for character in f"{kind}{said}")
    return " ".join(printable.split())[:REASON_LENGTH]


def trace_of(error: Exception) -> str:
    """The innermost frames as `file:line function`, one a line: places, never values."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return "\n".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)

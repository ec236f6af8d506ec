"""What the live stream says of itself, beside the events it carries."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.base import Contract

Position = Annotated[int, Field(ge=0, description="A position of the journal; 0: before its first entry")]


class StreamOpened(Contract):
    """The first thing on each connection: where the reader is now. A reader that is cut before any event
    comes back with this position."""

    TYPE: ClassVar[str] = "liaison.stream.opened"
    position: Position


class StreamGap(Contract):
    """The position asked for cannot be resumed; the stream goes on from another one."""

    TYPE: ClassVar[str] = "liaison.stream.gap"
    asked: Position
    position: Position
    reason: str

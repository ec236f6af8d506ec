"""Table of the idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class IdempotencyKey(Base):
    """A key that an organisation has used, and the answer that was given to it.

    The row is written in the transaction of the effect: where there is a row, there is the effect.
    """

    __tablename__ = "idempotency_keys"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256, in hex, of method, address and body."""
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    status: Mapped[int | None] = mapped_column(Integer)
    headers: Mapped[list[list[str]] | None] = mapped_column(Document)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed: Mapped[bool] = mapped_column(default=False)
    """The body holds a secret that is shown once, and is kept encrypted."""

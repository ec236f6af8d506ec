"""The journal: an append-only, hash-chained table that is outbox, stream, ledger and replay in one."""

from services.kernel.journal.append import append, sequence
from services.kernel.journal.event import Event, NewEvent
from services.kernel.journal.reading import head, read

__all__ = ["Event", "NewEvent", "append", "head", "read", "sequence"]

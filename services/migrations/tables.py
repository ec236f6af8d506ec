"""Every room's tables, in one metadata. A room that gets tables adds its `model` here."""

from __future__ import annotations

import services.kernel.journal.model
from services.kernel.database import Base

metadata = Base.metadata

ROOMS = (services.kernel.journal.model,)
"""Imported for their tables."""

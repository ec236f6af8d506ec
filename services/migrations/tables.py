"""Every room's tables, in one metadata. A room that gets tables adds its `model` here."""

from __future__ import annotations

import services.consortia.model
import services.courier.model
import services.dialogue.model
import services.directory.model
import services.indexing.model
import services.intake.model
import services.kernel.embedding.stored
import services.kernel.installation
import services.kernel.journal.model
import services.kernel.leases
import services.kernel.stream.model
import services.kernel.web.model
import services.matching.model
import services.notification.model
import services.pairing.model
from services.kernel.database import Base

metadata = Base.metadata

ROOMS = (
    services.consortia.model,
    services.courier.model,
    services.dialogue.model,
    services.notification.model,
    services.matching.model,
    services.pairing.model,
    services.indexing.model,
    services.directory.model,
    services.intake.model,
    services.kernel.embedding.stored,
    services.kernel.installation,
    services.kernel.journal.model,
    services.kernel.leases,
    services.kernel.stream.model,
    services.kernel.web.model,
)
"""Imported for their tables."""

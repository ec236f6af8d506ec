"""What the board needs of the process; bootstrap hands it in."""

from __future__ import annotations

from dataclasses import dataclass

from services.consortia.completing import Completing
from services.consortia.consenting import Consents
from services.consortia.service import ConsortiumService
from services.courier.log import DeliveryLog
from services.courier.service import Endpoints
from services.dialogue.service import Dialogues
from services.directory.service import Directory
from services.gateway.board.sign_in_links import SignInLinks
from services.intake.service import Intake
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.tail import Tail
from services.matching.answering import Answering
from services.matching.feedback import OwnFeedback
from services.matching.service import Matches
from services.notification.subscriptions import Subscriptions
from services.pairing.room import Pairing
from services.search.service import Search


@dataclass(frozen=True, slots=True)
class BoardPorts:
    """The same use cases that the API acts on, so that a page shows and does no more than the API would.

    `streams_per_key`: live streams that one key may hold open. `threshold`: of subscriptions that set none.
    """

    database: Database
    clock: Clock
    tail: Tail
    directory: Directory
    intake: Intake
    matches: Matches
    answering: Answering
    consortia: ConsortiumService
    consents: Consents
    completing: Completing
    pairing: Pairing
    dialogues: Dialogues
    search: Search
    feedback: OwnFeedback
    subscriptions: Subscriptions
    endpoints: Endpoints
    deliveries: DeliveryLog
    links: SignInLinks
    streams_per_key: int
    threshold: float

"""JSON Schema 2020-12 of the contracts, one self-contained document each, always the same bytes."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from schemas.challenge import Challenge, ChallengeContent
from schemas.company import Company, CompanyContent
from schemas.consortium import (
    Completion,
    CompletionContent,
    Consortia,
    Consortium,
    ConsortiumAnswer,
    ConsortiumDecline,
)
from schemas.delivery import Attempt, Delivery, Endpoint, EndpointContent
from schemas.events import EVENTS, INBOX, CloudEvent
from schemas.feedback import Feedback
from schemas.match import Match, MatchAnswerContent, MatchSuggestion, Outreach
from schemas.organisation import Key, Membership, Organisation, OrganisationContent
from schemas.scores import ScoreDisclosure
from schemas.search import SearchAnswer
from schemas.subscription import Subscription, SubscriptionContent

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ENTITIES: tuple[type[BaseModel], ...] = (
    Attempt,
    Challenge,
    CloudEvent,
    Company,
    Completion,
    Consortia,
    Consortium,
    Delivery,
    Endpoint,
    Feedback,
    Key,
    Match,
    MatchSuggestion,
    Membership,
    Organisation,
    Outreach,
    ScoreDisclosure,
    SearchAnswer,
    Subscription,
)
"""As they are answered."""

INPUTS: tuple[type[BaseModel], ...] = (
    ChallengeContent,
    CompanyContent,
    CompletionContent,
    ConsortiumAnswer,
    ConsortiumDecline,
    EndpointContent,
    MatchAnswerContent,
    OrganisationContent,
    SubscriptionContent,
)
"""As clients send them: what has a default may be left out."""


def schema_path(name: str) -> str:
    """Where the server publishes an event's schema; also its `dataschema`."""
    return f"/schemas/{name}.json"


def document(model: type[BaseModel], *, identifier: str, written_by_us: bool) -> dict[str, Any]:
    """The model's schema as a document of its own. `written_by_us`: every field is there, defaults too."""
    mode = "serialization" if written_by_us else "validation"
    schema = model.model_json_schema(mode=mode)  # type: ignore[arg-type]  # mypy widens the literal
    return {"$schema": DIALECT, "$id": identifier, **schema}


@cache
def event_schemas() -> dict[str, dict[str, Any]]:
    """The schema of each event's data, by type: what Liaison emits, and what its inbox takes."""
    emitted = {
        name: document(data, identifier=schema_path(name), written_by_us=True)
        for name, data in EVENTS.items()
    }
    taken = {
        name: document(data, identifier=schema_path(name), written_by_us=False)
        for name, data in INBOX.items()
    }
    return {**emitted, **taken}


@cache
def entity_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of entities as answered and of contents as sent, by class name."""
    answered = {
        model.__name__: document(model, identifier=f"/schemas/{model.__name__}.json", written_by_us=True)
        for model in ENTITIES
    }
    sent = {
        model.__name__: document(model, identifier=f"/schemas/{model.__name__}.json", written_by_us=False)
        for model in INPUTS
    }
    return {**answered, **sent}

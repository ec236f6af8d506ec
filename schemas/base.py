"""What all contracts have in common."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


class Contract(BaseModel):
    """Immutable; unknown fields are errors, because a misspelt field would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(_DAY.pattern + "[Tt ][0-9]{2}:[0-9]{2}.*", re.ASCII)


def _written_day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("no_such_day", "There is no such day in the calendar.") from None
    raise PydanticCustomError("date_form", "Write the date as YYYY-MM-DD, for example 2027-02-01.")


def _written_moment(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _MOMENT.fullmatch(value)):
        return value
    raise PydanticCustomError(
        "datetime_form", "Write date, time and zone as in RFC 3339, for example 2027-02-01T12:00:00Z."
    )


def _written_number(value: Any) -> Any:
    if isinstance(value, str | bytes | bool):
        raise PydanticCustomError("int_type", "This must be a whole number.")
    return value


# A number must not pass for a date, nor a text for a number: what was meant would be guessed.
Day = Annotated[date, BeforeValidator(_written_day)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_moment)]
Flag = Annotated[bool, Field(strict=True)]
Whole = BeforeValidator(_written_number)
"""Of an `int`, behind its bounds. Not strict: to JSON Schema 5.0 is a whole number too, and some languages
write it so."""
Trl = Annotated[
    int,
    Field(ge=1, le=9, description="Technology readiness level 1-9, Horizon Europe definitions"),
    Whole,
]
Weight = Annotated[
    float,
    Field(gt=0, le=10, allow_inf_nan=False, strict=True, description="Relative importance; 1 is usual"),
]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Version = Annotated[int, Field(ge=1, description="Counts up with every change of the entity"), Whole]
Handle = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    Field(description="Short name in addresses: lower-case letters, digits, hyphens", examples=["cern"]),
]
"""At most 63 characters, as a DNS label: a handle may become one."""


_ULID = r"_[0-9A-HJKMNP-TV-Z]{26}$"
OrganisationId = Annotated[
    str, StringConstraints(pattern="^org" + _ULID), Field(description="An organisation: `org_` and a ULID")
]
KeyId = Annotated[
    str, StringConstraints(pattern="^key" + _ULID), Field(description="An API key: `key_` and a ULID")
]
ChallengeId = Annotated[
    str, StringConstraints(pattern="^chl" + _ULID), Field(description="A challenge: `chl_` and a ULID")
]
CompanyId = Annotated[
    str, StringConstraints(pattern="^cmp" + _ULID), Field(description="A company: `cmp_` and a ULID")
]
SubscriptionId = Annotated[
    str, StringConstraints(pattern="^sub" + _ULID), Field(description="A subscription: `sub_` and a ULID")
]
MatchId = Annotated[
    str, StringConstraints(pattern="^mat" + _ULID), Field(description="A match suggestion: `mat_` and a ULID")
]
ConsortiumId = Annotated[
    str,
    StringConstraints(pattern="^con" + _ULID),
    Field(description="A consortium suggestion: `con_` and a ULID"),
]
EndpointId = Annotated[
    str, StringConstraints(pattern="^end" + _ULID), Field(description="A webhook endpoint: `end_` and a ULID")
]
MessageId = Annotated[
    str, StringConstraints(pattern="^msg" + _ULID), Field(description="A webhook message: `msg_` and a ULID")
]
EventId = Annotated[
    str, StringConstraints(pattern="^evt" + _ULID), Field(description="An event: `evt_` and a ULID")
]
PairingId = Annotated[
    str, StringConstraints(pattern="^pai" + _ULID), Field(description="A pairing: `pai_` and a ULID")
]
GroupId = Annotated[
    str,
    StringConstraints(pattern="^grp" + _ULID),
    Field(description="A group of pairings: `grp_` and a ULID"),
]
PlanId = Annotated[
    str, StringConstraints(pattern="^pln" + _ULID), Field(description="An investment plan: `pln_` and a ULID")
]
ItemId = Annotated[
    str,
    StringConstraints(pattern="^itm" + _ULID),
    Field(description="A person, deadline, document or KPI of a pairing: `itm_` and a ULID"),
]
QuestionId = Annotated[
    str,
    StringConstraints(pattern="^que" + _ULID),
    Field(description="A question of the market dialogue: `que_` and a ULID"),
]

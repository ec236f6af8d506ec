"""Organisations, their keys, and who may speak for whom."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import CompanyId, Contract, Flag, Handle, KeyId, Moment, OrganisationId, Version, Whole
from schemas.codes import CountryCode, NutsCode
from schemas.company import CompanyState
from schemas.text import Label, Name

SECTORS_MAX = 30
APPOINTMENTS_MAX = 100
COUNTRIES_MAX = 250


class OrganisationKind(StrEnum):
    """Also the role that the organisation's keys speak in; `admin` runs the service."""

    admin = "admin"
    bso = "bso"
    ilo = "ilo"
    cluster = "cluster"
    company = "company"


class Scope(StrEnum):
    """What a key may do within its role. `write` includes `read`; `admin` includes both."""

    read = "read"
    write = "write"
    admin = "admin"


class OrganisationContent(Contract):
    """`appointed_to`: an ILO's BSOs. `eligible_countries`: a BSO's standing rule, used where a challenge
    names none. `sectors`, `region`: a cluster's."""

    handle: Handle
    name: Name
    kind: OrganisationKind
    country: CountryCode | None = None
    region: NutsCode | None = None
    sectors: Annotated[tuple[Label, ...], Field(max_length=SECTORS_MAX)] = ()
    appointed_to: Annotated[tuple[Handle, ...], Field(max_length=APPOINTMENTS_MAX)] = ()
    eligible_countries: Annotated[tuple[CountryCode, ...], Field(max_length=COUNTRIES_MAX)] = ()


class Organisation(OrganisationContent):
    id: OrganisationId
    version: Version
    created_at: AwareDatetime


class KeyContent(Contract):
    label: Label
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = (Scope.write,)
    expires_at: Moment | None = None


class Key(KeyContent):
    """An API key as it may be shown: never the key itself, only its first characters."""

    id: KeyId
    organisation: OrganisationId
    prefix: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None


class IssuedKey(Key):
    """The answer to issuing or rotating: `secret` is shown this once."""

    secret: str


class Rotation(Contract):
    """How a key is rotated."""

    overlap_s: Annotated[
        int,
        Field(ge=0, le=604_800, description="Seconds for which the old key works beside the new one"),
        Whole,
    ] = 86_400


class Speaker(Contract):
    """Who speaks with the key that asks."""

    organisation: Organisation
    key: KeyId
    scopes: tuple[Scope, ...]


class Mandate(Contract):
    """What a cluster may do for a member: `receive` its matches, `act` for it (edit its profile)."""

    receive: Flag = True
    act: Flag = False


class Validation(Contract):
    """The cluster's word on a member's profile."""

    validated: Flag


class Membership(Contract):
    """A company in a cluster. `validated`: the cluster has checked the profile."""

    cluster: OrganisationId
    company: CompanyId
    mandate: Mandate = Mandate()
    validated: bool = False
    version: Version = 1
    since: AwareDatetime


class Member(Membership):
    """A membership with what a list of members shows of the company."""

    name: Name
    country: CountryCode
    state: CompanyState

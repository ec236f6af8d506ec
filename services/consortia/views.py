"""A consortium as its reader may see it. One place for it: API, events and pages all ask here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from schemas.consortium import (
    KNOWN_TO_EACH_OTHER,
    Consent,
    Consortium,
    ConsortiumCell,
    ConsortiumMember,
    ConsortiumState,
)
from schemas.organisation import Mandate


@dataclass(frozen=True, slots=True)
class Side:
    """`companies`: those whose side the reader is on; `speaks`: those of them that he may answer for;
    `overview`: he announced the challenge, buys, or runs the service."""

    companies: frozenset[str] = frozenset()
    speaks: frozenset[str] = frozenset()
    overview: bool = False


def seen(whole: Consortium, side: Side) -> Consortium | None:
    """What this side sees of it; None: nothing."""
    own = {one.role for one in whole.members if one.company and one.company.id in side.companies}
    if not own and not side.overview:
        return None
    known = whole.state in KNOWN_TO_EACH_OTHER
    members = tuple(_member(one, side, known=known) for one in whole.members)
    consented = sum(one.consent is not Consent.asked for one in whole.members)
    return whole.model_copy(
        update={
            "members": members,
            # The best first tells who scores better: that is not a member's to know of its rivals.
            "cells": whole.cells if side.overview else tuple(map(in_order_of_roles, whole.cells)),
            "competing": whole.competing if side.overview or own & {*whole.competing} else (),
            "worth": whole.worth if side.overview else 0.0,
            "consented": consented if side.overview or known else None,
            "headline": headline(whole, own),
        }
    )


def in_order_of_roles(cell: ConsortiumCell) -> ConsortiumCell:
    return cell.model_copy(update={"roles": tuple(sorted(cell.roles))})


def _member(member: ConsortiumMember, side: Side, *, known: bool) -> ConsortiumMember:
    company = member.company.id if member.company else ""
    if not side.overview:
        member = member.model_copy(update={"alternate_companies": ()})
    if company in side.companies:
        return member.model_copy(update={"yours": True, "speaks": company in side.speaks})
    if side.overview:
        return member
    hidden = {
        "covers": tuple(cell.model_copy(update={"score": None}) for cell in member.covers),
        "contribution": None,
        "alternates": 0,
    }
    if not known:
        # Of a rival neither who it is nor whether it is interested.
        hidden |= {"company": None, "consent": None, "fixed": False}
    return member.model_copy(update=hidden)


def headline(whole: Consortium, own: Collection[str]) -> str:
    """`own`: the reader's roles."""
    size = len(whole.members)
    wanted = {cell.requirement for cell in whole.cells}
    lacking = [gap.requirement for gap in whole.gaps]
    covered = f"{len(wanted) - len(lacking)} of {len(wanted)} requirements" + (
        f"; missing: {', '.join(lacking)}" if lacking else ""
    )
    countries = f"{len(whole.countries)} {'country' if len(whole.countries) == 1 else 'countries'}"
    match whole.state:
        case ConsortiumState.proposed if own:
            asked = any(one.role in own and one.consent is Consent.asked for one in whole.members)
            mine = sorted(
                {cell.requirement for one in whole.members if one.role in own for cell in one.covers}
            )
            role = f"you for {', '.join(mine)}" if mine else "you"
            step = "consent or decline" if asked else "you have consented; the others are being asked"
            return f"A consortium of {size} from {countries} needs {role}; {step}. It covers {covered}."
        case ConsortiumState.introduced:
            return (
                f"All {size} members have consented and know each other now. Together they cover {covered}."
            )
        case ConsortiumState.formed:
            return f"The consortium of {size} is formed. It covers {covered}."
        case ConsortiumState.declined | ConsortiumState.dissolved:
            return whole.reason or "The consortium is no more."
        case _:
            return f"{size} companies from {countries} cover {covered}."


def side_of(whole: Consortium, organisation: str, mandates: Mapping[str, Mandate]) -> Side:
    """Of an organisation that hears of it. `mandates`: of a cluster, by company."""
    companies = [one.company for one in whole.members if one.company is not None]
    own = {one.id for one in companies if one.owner == organisation}
    receives = {one.id for one in companies if one.id in mandates and mandates[one.id].receive}
    challenge = whole.challenge
    return Side(
        companies=frozenset(own | receives),
        speaks=frozenset(own | {company for company in receives if mandates[company].act}),
        overview=organisation in (challenge.buyer, challenge.announced_by),
    )

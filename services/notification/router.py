"""Which subscriptions ask for which events, with everything looked up that routing needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.challenge import Challenge
from schemas.subscription import FollowQuery, Subscription
from services.kernel.journal import Event
from services.matching.suggested import Told
from services.notification.ports import Challenges, Nudges, QueryFits, Suggested
from services.notification.routing import (
    CONSORTIA,
    DIALOGUE,
    GAPS,
    MATCHES,
    PAIRINGS,
    ROUTED,
    SETTLED,
    STEPPED,
    Concern,
    Wanting,
    concern,
    is_own,
    own_nudge,
    paired_needs,
    wants,
)

_NAMING = MATCHES | CONSORTIA | DIALOGUE | {GAPS}
"""Events that name a challenge without having it in them."""


class Router:
    """`default_threshold`: of subscriptions without one of their own; `suggested`: who hears what becomes of
    a challenge because it was suggested to them; `nudges`: what companies' own answers change in their own
    alerts, None: nothing."""

    def __init__(
        self,
        *,
        challenges: Challenges,
        queries: QueryFits,
        suggested: Suggested,
        default_threshold: float,
        nudges: Nudges | None = None,
    ) -> None:
        self._nudges = nudges
        self._challenges = challenges
        self._queries = queries
        self._suggested = suggested
        self._default_threshold = default_threshold

    async def concerns(self, events: Sequence[Event]) -> list[Concern]:
        """What each of these events of `ROUTED` is about."""
        named = {event.data["challenge"]["id"] for event in events if event.type in _NAMING}
        named |= {event.data["challenge"] for event in events if event.type == SETTLED}
        named |= {need for event in events if event.type in PAIRINGS for need in paired_needs(event)}
        known = await self._challenges.challenges(named) if named else {}
        stepped = {event.data["challenge"]["id"] for event in events if event.type == STEPPED}
        told = await self._suggested.of(stepped)
        return [
            replace(one, told=told.get(one.challenge_id, {})) if one.event.type == STEPPED else one
            for one in (concern(event, known) for event in events)
        ]

    async def asked(self, subscription: Subscription, events: Sequence[Event]) -> list[Concern]:
        """What those of these events are about that the subscription asks for, in their order."""
        routed = [event for event in events if event.type in ROUTED]
        if not routed:
            return []
        concerns = await self.concerns(routed)
        wanted = await self.wanted(concerns, [subscription])
        return [one for one, wanting in zip(concerns, wanted, strict=True) if wanting]

    async def wanted(
        self, concerns: Sequence[Concern], subscriptions: Sequence[Subscription]
    ) -> list[list[Wanting]]:
        """For each concern the subscriptions that ask for it, in their order."""
        fits = await self._query_fits(subscriptions, concerns)
        nudges = await self._own_nudges(subscriptions, concerns)
        concerns = [replace(one, told=_nudged(one, nudges)) if one.told else one for one in concerns]
        found = []
        for one in concerns:
            nudge = nudges.get((one.challenge_id, one.company or ""), 0.0)
            found.append(
                [
                    Wanting(subscription, own_nudge(subscription, one, nudge))
                    for subscription in subscriptions
                    if wants(
                        subscription,
                        one,
                        default_threshold=self._default_threshold,
                        query_fit=fits.get((subscription.id, _version(one))),
                        nudge=nudge,
                    )
                ]
            )
        return found

    async def _own_nudges(
        self, subscriptions: Sequence[Subscription], concerns: Sequence[Concern]
    ) -> Mapping[tuple[str, str], float]:
        """By challenge and company; asked for only where somebody listens on the company's side."""
        listening = {one.owner for one in subscriptions if is_own(one)}
        if self._nudges is None or not listening:
            return {}
        pairs = {(one.challenge_id, one.company) for one in concerns if one.is_match and one.company}
        for one in concerns:
            heard = (company for company, told in one.told.items() if not listening.isdisjoint(told.readers))
            pairs.update((one.challenge_id, company) for company in heard)
        if not pairs:
            return {}
        return await self._nudges.of(pairs)

    async def _query_fits(
        self, subscriptions: Sequence[Subscription], concerns: Sequence[Concern]
    ) -> Mapping[tuple[str, str], float]:
        """Fit of each subscription's saved query to each challenge that was announced or amended, by
        subscription and version of the challenge."""
        saved = {one.id: one.follow.query for one in subscriptions if isinstance(one.follow, FollowQuery)}
        about: dict[str, Challenge] = {
            _version(one): one.challenge
            for one in concerns
            if one.challenge is not None and one.event.type not in _NAMING and not one.others
        }
        if not saved or not about:
            return {}
        texts = sorted(set(saved.values()))
        table = await self._queries.fit(texts, list(about.values()))
        rows = dict(zip(texts, table, strict=True))
        return {
            (subscription, version): fit
            for subscription, query in saved.items()
            for version, fit in zip(about, rows[query], strict=True)
        }


def _nudged(one: Concern, nudges: Mapping[tuple[str, str], float]) -> Mapping[str, Told]:
    """The companies of a step, each with its score as its own alerts go by it."""
    return {
        company: replace(told, score=told.score + nudges.get((one.challenge_id, company), 0.0))
        for company, told in one.told.items()
    }


def _version(one: Concern) -> str:
    version = one.challenge.version if one.challenge is not None else 0
    return f"{one.challenge_id}@{version}"

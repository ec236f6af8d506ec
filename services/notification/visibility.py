"""What a subscriber may follow, asked of the rooms that know."""

from __future__ import annotations

from schemas.subscription import (
    Follow,
    FollowBuyer,
    FollowChallenge,
    FollowConsortia,
    FollowDialogue,
    FollowGaps,
    FollowOwnProfile,
)
from services.directory.service import Directory
from services.intake.challenges import Challenges
from services.intake.companies import Companies
from services.kernel.problems import NotFound
from services.kernel.security import Principal


class FollowRules:
    def __init__(self, directory: Directory, challenges: Challenges, companies: Companies) -> None:
        self._directory = directory
        self._challenges = challenges
        self._companies = companies

    async def resolve(self, principal: Principal, follow: Follow) -> tuple[Follow, str | None]:
        """The follow with a handle replaced by its id, and a sentence if the principal may not follow it."""
        try:
            match follow:
                case FollowBuyer(buyer=reference):
                    buyer = await self._directory.organisation_by_handle_or_id(reference)
                    if buyer is None:
                        return follow, f"There is no organisation {reference!r}."
                    return FollowBuyer(buyer=buyer.id), None
                case FollowChallenge(challenge=challenge):
                    await self._challenges.get(principal, challenge)
                case (
                    FollowConsortia(challenge=challenge)
                    | FollowGaps(challenge=challenge)
                    | FollowDialogue(challenge=challenge)
                ):
                    if challenge is not None:
                        await self._challenges.get(principal, challenge)
                case FollowOwnProfile(company=company):
                    await self._companies.get(principal, company)
                case _:
                    pass
        except NotFound as problem:
            return follow, problem.detail
        return follow, None

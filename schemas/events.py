"""Every event: its type name, its data, and the CloudEvents envelope around it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.base import (
    ChallengeId,
    CompanyId,
    Contract,
    Day,
    EndpointId,
    EventId,
    ItemId,
    MatchId,
    MessageId,
    OrganisationId,
    PairingId,
    Share,
    SubscriptionId,
    Version,
)
from schemas.challenge import Challenge, ChallengeContent, ChallengeState, Change
from schemas.codes import CountryCode
from schemas.company import Company, CompanyContent, CompanyState
from schemas.consortium import Consortium, GapBrief, SoughtPartner
from schemas.dialogue import DialogueNews, Entry, QuestionNews
from schemas.digest import Collected
from schemas.match import CompanyAnswer, MatchedChallenge, MatchedCompany, MatchSuggestion
from schemas.organisation import Membership, Organisation
from schemas.pairing import Group, Pairing, PairingSide, PairingState
from schemas.subscription import Subscription, Timing
from schemas.text import Label, Name, Note, Opaque


class EventData(Contract):
    """Base of the data of every event; `TYPE` is the CloudEvents type."""

    TYPE: ClassVar[str]


class OrganisationRegistered(EventData):
    TYPE = "liaison.organisation.registered.v1"
    organisation: Organisation


class OrganisationChanged(EventData):
    """Its entry in the directory changed; `changed` names the fields."""

    TYPE = "liaison.organisation.changed.v1"
    organisation: Organisation
    changed: tuple[str, ...]


class ChallengeDrafted(EventData):
    """A draft that others than its owner may read, or might until now, was begun or changed. Only who
    announces and the buyer are told: others learn of a planned need by a pairing with theirs."""

    TYPE = "liaison.challenge.drafted.v1"
    challenge: Challenge


class ChallengeAnnounced(EventData):
    """A need is public. Everybody may read it. Whom a conflict of interest concerns and who was excluded is
    in no event of a challenge: the announcer and the buyer read it from the challenge."""

    TYPE = "liaison.challenge.announced.v1"
    challenge: Challenge


class ChallengeAmended(EventData):
    """A new version, with what changed. Everybody may read it."""

    TYPE = "liaison.challenge.amended.v1"
    challenge: Challenge
    changes: tuple[Change, ...]


class ChallengeStepped(EventData):
    """It went on its way, or more is said of where it stands (its report, the notice of the procedure; then
    `before` is its state). `headline`: the news in a sentence. Everybody may read it, and the companies that
    it was suggested to are told."""

    TYPE = "liaison.challenge.stepped.v1"
    challenge: Challenge
    before: ChallengeState
    headline: str


class ChallengeWithdrawn(EventData):
    TYPE = "liaison.challenge.withdrawn.v1"
    challenge: Challenge
    reason: Note


class CompanyCreated(EventData):
    """A profile is there: created, or published after it was a draft, of which nobody is told."""

    TYPE = "liaison.company.created.v1"
    company: Company


class CompanyUpdated(EventData):
    """The profile changed; `changed` names the fields."""

    TYPE = "liaison.company.updated.v1"
    company: Company
    changed: tuple[str, ...]


class CompanyWithdrawn(EventData):
    TYPE = "liaison.company.withdrawn.v1"
    company: CompanyId
    version: Version
    owner: OrganisationId


class CompanyStale(EventData):
    """Nobody has changed or confirmed the profile for a year. It is matched as before; whoever owns it, and
    clusters that receive for it, may look at it and confirm it (`POST /v1/companies/{company}/confirm`)."""

    TYPE = "liaison.company.stale.v1"
    company: CompanyId
    version: Version
    owner: OrganisationId
    name: Name
    country: CountryCode
    last_confirmed: Annotated[Day, Field(description="Day on which it was last changed or confirmed")]
    headline: str
    page: str


class CompanyConfirmed(EventData):
    """Somebody who speaks for the company has said that its profile holds. What it says has not changed, so
    that nothing is matched anew."""

    TYPE = "liaison.company.confirmed.v1"
    company: CompanyId
    version: Version
    owner: OrganisationId
    state: CompanyState
    last_confirmed: Day


class CompanyIndexed(EventData):
    """The vectors of this version are in the index: it can be found from now on."""

    TYPE = "liaison.company.indexed.v1"
    company: CompanyId
    version: Version
    texts: Annotated[int, Field(ge=0, description="Capabilities and references with a vector")]
    index: str


class ChallengeIndexed(EventData):
    TYPE = "liaison.challenge.indexed.v1"
    challenge: ChallengeId
    version: Version
    texts: Annotated[int, Field(ge=0)]
    index: str


class IndexSwitched(EventData):
    """Another embedding model serves from now on; open challenges are matched anew."""

    TYPE = "liaison.index.switched.v1"
    index: str
    model: str


class ErasedEntry(Contract):
    """An entry from which words were taken. `event`: its id, which keeps its `position` (`sequence`);
    `previous` and `hash`: of the chain, before it and its own; `digest`: of what is left of it."""

    position: Annotated[int, Field(ge=1)]
    event: EventId
    previous: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LedgerErased(EventData):
    """Words were taken out of these entries, as the law may ask for a person's name. Whoever keeps copies of
    them takes the same words out; each can be read anew."""

    TYPE = "liaison.ledger.erased.v1"
    reason: str
    entries: list[ErasedEntry]


class MemberJoined(EventData):
    TYPE = "liaison.cluster.member-joined.v1"
    membership: Membership


class MemberChanged(EventData):
    """The mandate changed, or the cluster validated the profile."""

    TYPE = "liaison.cluster.member-changed.v1"
    membership: Membership


class MemberLeft(EventData):
    TYPE = "liaison.cluster.member-left.v1"
    cluster: OrganisationId
    company: CompanyId


class MatchSuggested(MatchSuggestion, EventData):
    """A company fits a challenge: which requirements, by which words, what is missing."""

    TYPE = "liaison.match.suggested.v1"


class MatchUpdated(MatchSuggestion, EventData):
    """The score, the explanation or a gate changed."""

    TYPE = "liaison.match.updated.v1"
    previous_score: float


class MatchRetracted(MatchSuggestion, EventData):
    """The pair no longer fits, or one side is gone."""

    TYPE = "liaison.match.retracted.v1"
    reason: str


class MatchAnswered(EventData):
    """A company has said what it thinks of a suggestion. `answer` is None when it took its answer back; `by`:
    the company's owner, or a cluster that acts for it. Why a suggestion is not for the company is its own
    business: the reason is not told. No answer changes a score."""

    TYPE = "liaison.match.answered.v1"
    match: MatchId
    challenge: MatchedChallenge
    company: MatchedCompany
    score: Share
    answer: CompanyAnswer | None
    by: OrganisationId
    at: AwareDatetime


class ChallengeMatched(EventData):
    """Matching has settled on this version: how many suggestions stand, from how many companies looked at."""

    TYPE = "liaison.challenge.matched.v1"
    challenge: ChallengeId
    version: Version
    suggestions: int
    companies: int
    countries: int
    unanswered: Annotated[tuple[str, ...], Field(description="Ids of requirements nobody answers")]


class SpecialistsFound(EventData):
    """Profiles that came or changed answer a requirement of these challenges well, and too little of the
    whole to be suggested alone. For the service itself, whose teams may lack just them."""

    TYPE = "liaison.match.specialists-found.v1"
    challenges: Annotated[tuple[ChallengeId, ...], Field(min_length=1)]


class ConsortiumProposed(Consortium, EventData):
    """A team covers a challenge together; its members are asked. As its reader may see it, like all that
    follow: every organisation concerned gets an event of its own."""

    TYPE = "liaison.consortium.proposed.v1"


class ConsortiumUpdated(Consortium, EventData):
    """Its members, or what they cover, changed."""

    TYPE = "liaison.consortium.updated.v1"


class ConsortiumConsented(Consortium, EventData):
    """A member has consented; for whoever announced and buys, and for that member."""

    TYPE = "liaison.consortium.consented.v1"


class ConsortiumIntroduced(Consortium, EventData):
    """All have consented: the members know each other from now on."""

    TYPE = "liaison.consortium.introduced.v1"


class ConsortiumFormed(Consortium, EventData):
    """All members have confirmed that they go on together."""

    TYPE = "liaison.consortium.formed.v1"


class ConsortiumDeclined(Consortium, EventData):
    """A member declined, and nobody could take its role."""

    TYPE = "liaison.consortium.declined.v1"


class ConsortiumDissolved(Consortium, EventData):
    """It is no more, or the reader's company is no longer asked for it; `reason` says why."""

    TYPE = "liaison.consortium.dissolved.v1"


class ConsortiumSought(SoughtPartner, EventData):
    """A consortium needs somebody like you: somebody has begun a team, and this company would complete it."""

    TYPE = "liaison.consortium.sought.v1"


class GapsChanged(GapBrief, EventData):
    """What the best team for a challenge lacks has changed; no gaps: nothing any more. Everybody may read
    it."""

    TYPE = "liaison.consortium.gaps-changed.v1"


class PairingSuggested(Pairing, EventData):
    """Two needs of two buyers could be bought together. For both buyers, and who announces for them."""

    TYPE = "liaison.pairing.suggested.v1"
    headline: str


class PairingUpdated(Pairing, EventData):
    """One of the needs was amended, and the two stand otherwise to each other."""

    TYPE = "liaison.pairing.updated.v1"
    headline: str
    previous_similarity: Share


class PairingStep(EventData):
    """What every event of the way has. `by`: the organisation that acted, None for Liaison itself."""

    pairing: PairingId
    version: Version
    state: PairingState
    first: PairingSide
    second: PairingSide
    by: OrganisationId | None
    at: AwareDatetime


class PairingStepAsked(PairingStep):
    """One buyer wants the step `to`; it is taken when the other agrees. `to` is None when the wish was taken
    back."""

    TYPE = "liaison.pairing.step-asked.v1"
    to: PairingState | None


class PairingStepped(PairingStep):
    """Both buyers wanted it: the pairing is in `state` now."""

    TYPE = "liaison.pairing.stepped.v1"
    before: PairingState


class PairingDissolved(PairingStep):
    """It is over: a buyer said so, or the needs no longer go together."""

    TYPE = "liaison.pairing.dissolved.v1"
    before: PairingState
    reason: Note


class PairingNoted(PairingStep):
    """A person, deadline, document or KPI was added, changed or removed. Which one: what it says is read from
    the pairing, so that no personal data is in an event."""

    TYPE = "liaison.pairing.noted.v1"
    kind: Literal["person", "deadline", "document", "kpi"]
    item: ItemId
    change: Literal["added", "changed", "removed"]


class PairingReminder(PairingStep):
    """A deadline of a pairing comes near; told once. `responsible`: the person of the pairing, by id."""

    TYPE = "liaison.pairing.reminder.v1"
    deadline: ItemId
    title: str
    due: Day
    responsible: ItemId | None


class GroupFormed(Group, EventData):
    """Needs of three buyers and more, of which every two are paired, could be bought together. For all of
    these buyers, and who announces for them."""

    TYPE = "liaison.pairing.group-formed.v1"
    headline: str


class GroupChanged(Group, EventData):
    """A need came to the group or left it, or the group stands otherwise. Whoever has left is told too."""

    TYPE = "liaison.pairing.group-changed.v1"
    headline: str
    joined: tuple[ChallengeId, ...]
    left: tuple[ChallengeId, ...]


class GroupDissolved(Group, EventData):
    """Its needs no longer all hang together; the pairings among them that stand go on."""

    TYPE = "liaison.pairing.group-dissolved.v1"
    headline: str


class QuestionReceived(QuestionNews, EventData):
    """Somebody asks the buyer a question about a challenge. For the buyer, and who announced for it; who
    asked is told to nobody."""

    TYPE = "liaison.dialogue.question-received.v1"


class QuestionDeclined(QuestionNews, EventData):
    """The buyer does not answer the question. For whoever asked it alone."""

    TYPE = "liaison.dialogue.question-declined.v1"
    reason: Note


class DialoguePublished(DialogueNews, EventData):
    """Answers of the market dialogue. Everybody reads them, at the same moment."""

    TYPE = "liaison.dialogue.published.v1"
    entries: Annotated[tuple[Entry, ...], Field(min_length=1)]


class SubscriptionChanged(EventData):
    """Created, changed, paused or resumed."""

    TYPE = "liaison.subscription.changed.v1"
    subscription: Subscription


class SubscriptionRemoved(EventData):
    TYPE = "liaison.subscription.removed.v1"
    subscription: SubscriptionId
    owner: OrganisationId


class SubscriptionDigest(Collected, EventData):
    """What a subscription has asked for since the last one, in one event. For its owner alone. `endpoint`:
    where it is sent; `timing`: of the subscription, `instant` where it holds what was over the weekly budget;
    `until`: when it was put together; `page`: where a person reads on; `stream`: all of its events in full,
    as Server-Sent Events."""

    TYPE = "liaison.subscription.digest.v1"
    owner: OrganisationId
    label: Label | None
    endpoint: EndpointId
    timing: Timing
    until: AwareDatetime
    headline: Annotated[str, Field(description="One sentence: how much, since when, and the best of it")]
    page: str
    stream: str


class EndpointDisabled(EventData):
    """An endpoint was switched off; its owner should look."""

    TYPE = "liaison.endpoint.disabled.v1"
    endpoint: EndpointId
    owner: OrganisationId
    reason: str


class EndpointTested(EventData):
    """A sample, sent on request, so that a receiver can be tried out."""

    TYPE = "liaison.endpoint.tested.v1"
    endpoint: EndpointId
    message: MessageId
    note: str


class DeliveredEvent(Contract):
    """An event that a receiver has taken. `organisation`: whose endpoint it is."""

    event: EventId
    organisation: OrganisationId


class DeliverySucceeded(EventData):
    """Webhooks with suggestions of matches, or digests, were answered 2xx: what was written down together.
    For nobody but the service itself, since it names several organisations."""

    TYPE = "liaison.delivery.succeeded.v1"
    delivered: Annotated[tuple[DeliveredEvent, ...], Field(min_length=1)]


class ChallengeSubmitted(EventData):
    """Inbox only: somebody asks to announce a challenge, by Kafka. `idempotency_key` as on the API."""

    TYPE = "liaison.challenge.submitted.v1"
    organisation: OrganisationId
    idempotency_key: Annotated[Opaque, Field(min_length=1, max_length=255)]
    challenge: ChallengeContent


class CompanySubmitted(EventData):
    """Inbox only: somebody asks to create or update a profile, by Kafka."""

    TYPE = "liaison.company.submitted.v1"
    organisation: OrganisationId
    idempotency_key: Annotated[Opaque, Field(min_length=1, max_length=255)]
    company: CompanyContent


EVENTS: dict[str, type[EventData]] = {
    data.TYPE: data
    for data in (
        OrganisationRegistered,
        OrganisationChanged,
        ChallengeDrafted,
        ChallengeAnnounced,
        ChallengeAmended,
        ChallengeStepped,
        ChallengeWithdrawn,
        ChallengeIndexed,
        ChallengeMatched,
        CompanyCreated,
        CompanyUpdated,
        CompanyWithdrawn,
        CompanyStale,
        CompanyConfirmed,
        CompanyIndexed,
        IndexSwitched,
        LedgerErased,
        MemberJoined,
        MemberChanged,
        MemberLeft,
        MatchSuggested,
        MatchUpdated,
        MatchRetracted,
        MatchAnswered,
        SpecialistsFound,
        ConsortiumProposed,
        ConsortiumUpdated,
        ConsortiumConsented,
        ConsortiumIntroduced,
        ConsortiumFormed,
        ConsortiumDeclined,
        ConsortiumDissolved,
        ConsortiumSought,
        GapsChanged,
        PairingSuggested,
        PairingUpdated,
        PairingStepAsked,
        PairingStepped,
        PairingDissolved,
        PairingNoted,
        PairingReminder,
        GroupFormed,
        GroupChanged,
        GroupDissolved,
        QuestionReceived,
        QuestionDeclined,
        DialoguePublished,
        SubscriptionChanged,
        SubscriptionRemoved,
        SubscriptionDigest,
        EndpointDisabled,
        EndpointTested,
        DeliverySucceeded,
    )
}
"""Events that Liaison emits, by type."""

INBOX: dict[str, type[EventData]] = {data.TYPE: data for data in (ChallengeSubmitted, CompanySubmitted)}
"""Events that Liaison takes in from Kafka, by type."""


class CloudEvent(Contract):
    """CloudEvents 1.0.2, structured JSON mode. `sequence` is the journal's position, as a decimal string;
    `correlationid` is the id of the event that started the chain; `traceparent` as in W3C Trace Context."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1, max_length=64)]
    source: Annotated[str, Field(min_length=1, max_length=200)]
    type: Annotated[str, Field(min_length=1, max_length=100)]
    subject: Annotated[str, Field(max_length=200)]
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    sequence: Annotated[str, Field(pattern="^[0-9]+$")]
    correlationid: Annotated[str, Field(max_length=64)]
    traceparent: Annotated[str | None, Field(max_length=64)] = None
    data: dict[str, Any]

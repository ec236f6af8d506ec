"""What each endpoint answers to each role. Announced challenges are the public's, all else needs a key. An
endpoint that is not here fails the test beside."""

from __future__ import annotations

from tests.end_to_end.market import PRESSURE
from tests.end_to_end.tenants import (
    BUYER,
    MARK,
    PROFILE,
    Row,
    announced,
    begun,
    company,
    company_draft,
    deadline,
    document,
    draft,
    draft_to_announce,
    endpoint,
    feed,
    key,
    kpi,
    member,
    pairing,
    person,
    question,
    subscription,
    vacant,
)

ORGANISATION = {"handle": "new-<n>", "name": "New", "kind": "cluster", "country": "FR"}
QUETZAL = {"handle": "quetzal", "name": f"{MARK} Ltd", "kind": "company", "country": "FR"}
CHALLENGE = {**PRESSURE, "buyer": BUYER}
CLOSED = {"to": "consultation-closed"}
COMPANY = {"name": "Company <n>", "country": "FR"}
COUNTRY = {"kind": "country", "country": "FR"}
SSE = {"follow": COUNTRY, "channel": "sse"}
OWN = {"follow": {"kind": "own-profile", "company": "<company>"}, "channel": "sse"}
THEIR_ENDPOINT = {"follow": COUNTRY, "endpoint": "<endpoint>"}
RECEIVER = {"url": "https://receiver.example/new"}
WINDOW = {"endpoint": "<endpoint>", "since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}
LETTER = "ded_01J00000000000000000000000"
CLUSTER_OF = "/v1/clusters/north/members/{company}"
DRAFT = "/v1/challenges/{draft}"
TEAM = {"challenge": "<challenge>", "members": ["<company>"], "members_max": 1}
PAIRING = "/v1/pairings/{pairing}"
DIALOGUE = "/v1/challenges/{challenge}/dialogue"
ANSWERS = {"entries": [{"questions": ["<question>"], "answer": "It is."}]}
GROUP = "grp_01J00000000000000000000000"
DUE = {"title": "Agreement", "due": "2035-01-01"}
DOCUMENT = {"title": "Draft", "url": "https://ess.example/draft"}
PLAN = {
    "name": "Plan <n>",
    "buyer": "cern",
    "needs": [{"reference": "1", "title": "Bread", "first_year": 2035}],
}

#                                                  nobody rival clu. ILO BSO owner admin
ORGANISATIONS = [
    Row("POST /v1/organisations",                       "401 403 403 403 403 403 201", ORGANISATION),
    Row("GET /v1/organisations",                        "401 200 200 200 200 200+ 200+"),
    Row("GET /v1/organisations/{organisation}",         "401 404 404 404 404 200+ 200+",
        path="/v1/organisations/quetzal"),
    Row("PUT /v1/organisations/{organisation}",         "401 404 404 404 404 200+ 200+", QUETZAL,
        path="/v1/organisations/quetzal"),
    Row("PUT /v1/organisations/{organisation}",         "401 403 403 403 403 403 200", why="a public one",
        body={"handle": "cern", "name": "CERN", "kind": "bso", "country": "CH"},
        path="/v1/organisations/cern"),
    Row("GET /v1/me",                                   "401 200 200 200 200 200+ 200"),
    Row("POST /v1/keys",                                "401 404 404 404 404 201 201", {"label": "k"},
        path="/v1/keys?organisation=quetzal"),
    Row("GET /v1/keys",                                 "401 404 404 404 404 200+ 200+",
        path="/v1/keys?organisation=quetzal"),
    Row("GET /v1/keys",                                 "401 200 200 200 200 200+ 200", why="one's own"),
    Row("POST /v1/keys/{key}/rotate",                   "401 404 404 404 404 201+ 201+", {}, fresh=key),
    Row("DELETE /v1/keys/{key}",                        "401 404 404 404 404 204 204", fresh=key),
]  # fmt: skip

CLUSTERS = [
    Row("GET /v1/clusters",                             "401 200 200 200 200 200 200"),
    Row("GET /v1/clusters/{cluster}/members",           "401 403 403 403 403 200+ 200+",
        owner="cluster", path="/v1/clusters/north/members"),
    Row("GET /v1/clusters/{cluster}/members/{company}", "401 404 404 404 404 200+ 200+", path=CLUSTER_OF),
    Row("PUT /v1/clusters/{cluster}/members/{company}", "401 404 404 404 404 201 201", {},
        fresh=company, path=CLUSTER_OF),
    Row("PUT /v1/clusters/{cluster}/members/{company}", "401 404 404 404 404 404 200", {"act": True},
        owner="cluster", path=CLUSTER_OF, why="no mandate for oneself"),
    Row("PUT /v1/clusters/{cluster}/members/{company}/validation", "401 403 403 403 403 200 200",
        {"validated": True}, owner="cluster", path=f"{CLUSTER_OF}/validation"),
    Row("DELETE /v1/clusters/{cluster}/members/{company}", "401 404 404 404 404 204 204",
        fresh=member, path=CLUSTER_OF),
]  # fmt: skip

CHALLENGES = [
    Row("POST /v1/challenges",                          "401 403 403 403 403 201 201", CHALLENGE, "ilo"),
    Row("GET /v1/challenges",                           "200 200 200 200 200 200+ 200+", owner="ilo"),
    Row("POST /v1/challenges/proposal",                 "401 200 200 200 200 200 200",
        {"title": "T", "need": "It must measure pressure."}),
    Row("POST /v1/challenges/{challenge}/announce",     "401 404 404 404 404 200 200",
        owner="ilo", fresh=draft_to_announce, path=f"{DRAFT}/announce"),
    Row("PATCH /v1/challenges/{challenge}",             "401 404 404 404 404 200+ 200+", {"trl_start": 3},
        owner="ilo", fresh=draft, path=DRAFT, why="a draft"),
    Row("PATCH /v1/challenges/{challenge}",             "401 403 403 403 403 200 200", {"trl_start": 3},
        owner="ilo", fresh=announced),
    Row("GET /v1/challenges/{challenge}",               "404 404 404 404 404 200+ 200+",
        owner="ilo", path=DRAFT, why="a draft"),
    Row("GET /v1/challenges/{challenge}",               "200 200 200 200 200 200 200"),
    Row("POST /v1/challenges/{challenge}/withdraw",     "401 404 404 404 404 200+ 200+", {"reason": "No."},
        owner="ilo", fresh=draft, path=f"{DRAFT}/withdraw", why="a draft"),
    Row("POST /v1/challenges/{challenge}/withdraw",     "401 403 403 403 403 200 200", {"reason": "No."},
        owner="ilo", fresh=announced),
    Row("POST /v1/challenges/{challenge}/steps",        "401 404 404 404 404 409 409", CLOSED,
        owner="ilo", fresh=draft, path=f"{DRAFT}/steps", why="a draft"),
    Row("POST /v1/challenges/{challenge}/steps",        "401 403 403 403 403 200 200", CLOSED,
        owner="ilo", fresh=announced),
    Row("GET /v1/challenges/{challenge}/versions",      "404 404 404 404 404 200+ 200+",
        owner="ilo", path=f"{DRAFT}/versions"),
    Row("GET /v1/challenges/{challenge}/versions/{version}", "404 404 404 404 404 200+ 200+",
        owner="ilo", path=f"{DRAFT}/versions/1"),
    Row("GET /v1/challenges/{challenge}/versions",      "200 200 200 200 200 200 200", why="announced"),
    Row("GET /v1/challenges/{challenge}/versions/{version}", "200 200 200 200 200 200 200",
        path="/v1/challenges/{challenge}/versions/1", why="announced"),
]  # fmt: skip

COMPANIES = [
    Row("POST /v1/companies/import",                    "401 404 404 403 403 200 200", COMPANY,
        path="/v1/companies/import?owner=quetzal"),
    Row("POST /v1/companies",                           "401 404 404 403 403 201 201", COMPANY,
        path="/v1/companies?owner=quetzal"),
    Row("POST /v1/companies",                           "401 409 409 403 403 409 422", PROFILE,
        why="with the same legal id"),
    Row("GET /v1/companies",                            "401 200 200 200+ 200+ 200+ 200+"),
    Row("GET /v1/companies/{company}",                  "401 404 404 200+ 200+ 200+ 200+"),
    Row("PUT /v1/companies/{company}",                  "401 404 404 403 403 200+ 200+", PROFILE),
    Row("GET /v1/companies/{company}",                  "401 404 404 404 404 200+ 200+", fresh=company_draft,
        why="a draft"),
    Row("POST /v1/companies/{company}/publish",         "401 404 404 404 404 200+ 200+", fresh=company_draft),
    Row("POST /v1/companies/{company}/confirm",         "401 404 404 403 403 200+ 200+"),
    Row("DELETE /v1/companies/{company}",               "401 404 404 403 403 204 204", fresh=company),
]  # fmt: skip

SEARCH = [
    Row("GET /v1/search",                               "200 200 200 200+ 200+ 200+ 200+",
        path=f"/v1/search?q={MARK}%20helium"),
    Row("GET /v1/search",                               "200 200 200 200+ 200+ 200+ 200+", owner="cluster",
        path="/v1/search?q=cryogenic%20sensors&kind=capability", why="its cluster, by capability"),
]  # fmt: skip

MATCHES = [
    Row("GET /v1/challenges/{challenge}/matches",       "401 200 200 200 200 200+ 200+"),
    Row("GET /v1/challenges/{challenge}/matches",       "401 200 200 200 200 200+ 200+",
        owner="buyer", why="its buyer"),
    Row("GET /v1/companies/{company}/matches",          "401 200 200 200 200 200+ 200+"),
    Row("GET /v1/companies/{company}/matches",          "401 200 200 200 200 200+ 200+",
        owner="cluster", why="its cluster"),
    Row("GET /v1/challenges/{challenge}/outreach",      "401 200 200 200 200 200 200"),
    Row("GET /v1/matches/{match}",                      "401 404 404 404 404 200+ 200+"),
    Row("POST /v1/matches/{match}/answer",              "401 404 404 404 404 200+ 403",
        {"answer": "dismissed", "reason": "too_far", "note": f"{MARK} has no capacity"}),
    Row("POST /v1/matches/{match}/answer",              "401 404 404 404 404 403 403",
        {"answer": "interested"}, owner="buyer", why="its buyer"),
    Row("DELETE /v1/matches/{match}/answer",            "401 404 404 404 404 204 403"),
    Row("GET /v1/companies/{company}/feedback",         "401 404 404 403 403 200 403"),
    Row("DELETE /v1/companies/{company}/feedback",      "401 404 404 403 403 204 403"),
    Row("GET /v1/scores",                               "200 200 200 200 200 200 200"),
]  # fmt: skip

CONSORTIA = [
    Row("GET /v1/challenges/{challenge}/consortia",     "401 200 200 200 200 200+ 200+"),
    Row("POST /v1/consortia/complete",                  "401 404 404 403 403 200+ 200+", TEAM),
    Row("POST /v1/consortia",                           "401 404 404 403 403 201+ 201+", TEAM,
        fresh=vacant),
    Row("GET /v1/consortia/{consortium}",               "401 404 404 404 404 200+ 200+"),
    Row("POST /v1/consortia/{consortium}/consent",      "401 404 404 404 404 200+ 403", {}),
    Row("POST /v1/consortia/{consortium}/consent",      "401 404 404 404 404 403 403", {},
        owner="buyer", why="its buyer"),
    Row("POST /v1/consortia/{consortium}/confirm",      "401 404 404 404 404 200+ 403", {}),
    Row("POST /v1/consortia/{consortium}/decline",      "401 404 404 404 404 200+ 403",
        {"note": f"{MARK} has no capacity"}, fresh=begun),
]  # fmt: skip

DELIVERY = [
    Row("POST /v1/subscriptions",                       "401 201 201 201 201 201 201", SSE),
    Row("POST /v1/subscriptions",                       "401 422 422 201 201 201 201", OWN,
        why="to a profile"),
    Row("POST /v1/subscriptions",                       "401 422 422 422 422 201 422", THEIR_ENDPOINT,
        why="to an endpoint"),
    Row("GET /v1/subscriptions",                        "401 200 200 200 200 200+ 200"),
    Row("GET /v1/subscriptions/{subscription}",         "401 404 404 404 404 200+ 200+"),
    Row("GET /v1/subscriptions/{subscription}/waiting", "401 404 404 404 404 200 200"),
    Row("PUT /v1/subscriptions/{subscription}",         "401 404 404 404 404 200 200", SSE,
        fresh=subscription),
    Row("DELETE /v1/subscriptions/{subscription}",      "401 404 404 404 404 204 204", fresh=subscription),
    Row("POST /v1/subscriptions/{subscription}/address", "401 404 404 404 404 200+ 200+", fresh=feed),
    Row("POST /v1/endpoints",                           "401 201 201 201 201 201 201", RECEIVER),
    Row("GET /v1/endpoints",                            "401 200 200 200 200 200+ 200"),
    Row("GET /v1/endpoints/{endpoint}",                 "401 404 404 404 404 200+ 200+"),
    Row("PUT /v1/endpoints/{endpoint}",                 "401 404 404 404 404 200 200", RECEIVER,
        fresh=endpoint),
    Row("DELETE /v1/endpoints/{endpoint}",              "401 404 404 404 404 204 204", fresh=endpoint),
    Row("POST /v1/endpoints/{endpoint}/secret",         "401 404 404 404 404 200+ 200+"),
    Row("POST /v1/endpoints/{endpoint}/test",           "401 404 404 404 404 202 202"),
    Row("POST /v1/endpoints/{endpoint}/on",             "401 404 404 404 404 200+ 200+"),
    Row("GET /v1/deliveries",                           "401 404 404 404 404 200 200",
        path="/v1/deliveries?endpoint={endpoint}"),
    Row("GET /v1/deliveries",                           "401 200 200 200 200 200 200", why="one's own"),
    Row("POST /v1/deliveries/resend",                   "401 404 404 404 404 200 200", WINDOW),
    Row("GET /v1/deliveries/{message}",                 "401 404 404 404 404 200 200"),
    Row("GET /v1/deliveries/{message}/attempts",        "401 404 404 404 404 200 200"),
    Row("POST /v1/deliveries/{message}/resend",         "401 404 404 404 404 200 200"),
]  # fmt: skip

PAIRINGS = [
    Row("GET /v1/pairings",                             "401 200 200 200 200 200+ 200+", owner="partner"),
    Row("GET /v1/pairings/groups",                      "401 200 200 200 200 200 200", owner="partner"),
    Row("GET /v1/pairings/groups/{group}",              "401 404 404 404 404 404 404", owner="partner",
        path=f"/v1/pairings/groups/{GROUP}"),
    Row("GET /v1/pairings/{pairing}",                   "401 404 404 404 404 200+ 200+", owner="partner"),
    Row("GET /v1/pairings/{pairing}",                   "401 404 404 404 404 200+ 200+",
        owner="ilo", why="who announced the other need"),
    Row("POST /v1/pairings/{pairing}/steps",            "401 404 404 404 404 200+ 403",
        {"to": "confirmed"}, owner="partner", fresh=pairing),
    Row("POST /v1/challenges/{challenge}/pairing",      "401 403 403 201 201 201 422", {},
        owner="partner", fresh=announced),
    Row("POST /v1/pairings/{pairing}/people",           "401 404 404 404 404 201 403", {"role": "Office"},
        owner="partner"),
    Row("PUT /v1/pairings/{pairing}/people/{item}",     "401 404 404 404 404 200 403", {"role": "Office"},
        owner="partner", fresh=person, path=f"{PAIRING}/people/{{person}}"),
    Row("DELETE /v1/pairings/{pairing}/people/{item}",  "401 404 404 404 404 204 403",
        owner="partner", fresh=person, path=f"{PAIRING}/people/{{person}}"),
    Row("POST /v1/pairings/{pairing}/deadlines",        "401 404 404 404 404 201 403", DUE,
        owner="partner"),
    Row("PUT /v1/pairings/{pairing}/deadlines/{item}",  "401 404 404 404 404 200 403", DUE,
        owner="partner", fresh=deadline, path=f"{PAIRING}/deadlines/{{deadline}}"),
    Row("DELETE /v1/pairings/{pairing}/deadlines/{item}", "401 404 404 404 404 204 403",
        owner="partner", fresh=deadline, path=f"{PAIRING}/deadlines/{{deadline}}"),
    Row("POST /v1/pairings/{pairing}/documents",        "401 404 404 404 404 201 403", DOCUMENT,
        owner="partner"),
    Row("PUT /v1/pairings/{pairing}/documents/{item}",  "401 404 404 404 404 200 403", DOCUMENT,
        owner="partner", fresh=document, path=f"{PAIRING}/documents/{{document}}"),
    Row("DELETE /v1/pairings/{pairing}/documents/{item}", "401 404 404 404 404 204 403",
        owner="partner", fresh=document, path=f"{PAIRING}/documents/{{document}}"),
    Row("POST /v1/pairings/{pairing}/kpis",             "401 404 404 404 404 201 403", {"name": "Savings"},
        owner="partner"),
    Row("PUT /v1/pairings/{pairing}/kpis/{item}",       "401 404 404 404 404 200 403", {"name": "Savings"},
        owner="partner", fresh=kpi, path=f"{PAIRING}/kpis/{{kpi}}"),
    Row("DELETE /v1/pairings/{pairing}/kpis/{item}",    "401 404 404 404 404 204 403",
        owner="partner", fresh=kpi, path=f"{PAIRING}/kpis/{{kpi}}"),
    Row("POST /v1/plans",                               "401 403 403 403 403 201 201", PLAN, owner="ilo"),
    Row("POST /v1/plans/import",                        "401 403 403 403 403 200 200",
        {"title": "Bread", "year": 2035}, owner="ilo", path="/v1/plans/import?name=File&buyer=cern"),
    Row("GET /v1/plans",                                "401 200 200 200 200 200+ 200+", owner="ilo"),
    Row("GET /v1/plans/{plan}",                         "401 404 404 404 404 200+ 200+", owner="ilo"),
    Row("GET /v1/plans/{plan}/needs",                   "401 404 404 404 404 200+ 200+", owner="ilo"),
    Row("GET /v1/plans/template",                       "401 200 200 200 200 200 200"),
]  # fmt: skip

DIALOGUES = [
    Row("GET /v1/challenges/{challenge}/dialogue",      "200 200 200 200 200 200 200", path=DIALOGUE),
    Row("POST /v1/challenges/{challenge}/dialogue/questions", "401 201 201 201 201 201 403",
        {"text": "Is it for helium?"}),
    Row("POST /v1/challenges/{challenge}/dialogue/questions", "401 201 201 201 201 403 403",
        {"text": "Is it for helium?"}, owner="buyer", why="its buyer"),
    Row("POST /v1/challenges/{challenge}/dialogue/entries", "401 403 403 403 403 201 201", ANSWERS,
        owner="buyer", fresh=question),
    Row("POST /v1/challenges/{challenge}/dialogue/entries", "401 403 403 403 403 403 201", ANSWERS,
        fresh=question, why="who asked"),
    Row("POST /v1/challenges/{challenge}/dialogue/questions/{question}/decline",
        "401 403 403 403 403 200 200", {"reason": "No."}, owner="buyer", fresh=question),
]  # fmt: skip

OPERATIONS = [
    Row("GET /v1/stream",                               "401 200 200 200 200 200 200"),
    Row("GET /v1/journal",                              "401 200 200 200 200 200+ 200+",
        path="/v1/journal?limit=200"),
    Row("GET /v1/journal/head",                         "401 200 200 200 200 200 200"),
    Row("GET /v1/status",                               "401 403 403 403 403 403 200"),
    Row("POST /v1/consumers/{service}/resume",          "401 403 403 403 403 403 404",
        path="/v1/consumers/matching/resume"),
    Row("GET /v1/index",                                "401 403 403 403 403 403 200"),
    Row("POST /v1/index/rebuild",                       "401 403 403 403 403 403 202"),
    Row("GET /v1/dead-letters",                         "401 403 403 403 403 403 200"),
    Row("POST /v1/dead-letters/redrive",                "401 403 403 403 403 403 202",
        path="/v1/dead-letters/redrive?service=nobody"),
    Row("GET /v1/dead-letters/{letter}",                "401 403 403 403 403 403 404",
        path=f"/v1/dead-letters/{LETTER}"),
    Row("POST /v1/dead-letters/{letter}/redrive",       "401 403 403 403 403 403 404",
        path=f"/v1/dead-letters/{LETTER}/redrive"),
    Row("POST /v1/dead-letters/{letter}/discard",       "401 403 403 403 403 403 404", {"reason": "No."},
        path=f"/v1/dead-letters/{LETTER}/discard"),
]  # fmt: skip

TABLE = [
    *ORGANISATIONS,
    *CLUSTERS,
    *CHALLENGES,
    *COMPANIES,
    *SEARCH,
    *MATCHES,
    *CONSORTIA,
    *PAIRINGS,
    *DIALOGUES,
    *DELIVERY,
    *OPERATIONS,
]

"""Words that tell what a sentence is for, in the languages of the Union as far as a few words go.

Each table is joined into one regular expression, whole words, whatever the case. They decide no right
and wrong: a sentence without any of them is judged by its own content.
"""

from __future__ import annotations

import re


def _words(listed: str) -> re.Pattern[str]:
    """Patterns separated by semicolons, joined longest first."""
    words = sorted((" ".join(word.split()) for word in listed.split(";")), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(words) + r")(?!\w)", re.IGNORECASE)


MANDATORY = _words(r"""
    must; shall; required?; requires?; requirements?; mandatory; essential; necessary; needs? to;
    ha(?:s|ve) to; need; needed; at least; no (?:more|less) than; minimum; muss; müssen; erforderlich;
    zwingend; benötigt; notwendig; mindestens; ist zu; sind zu; doit; doivent; devra; devront;
    obligatoire; exigée?s?; nécessaires?; besoin; au moins; debe; deben; deberá; deberán; obligatorio;
    necesario; necesita; al menos; deve; devono; dovrà; dovranno; obbligatorio; necessario; almeno;
    devem; deverá; moet; moeten; vereist; verplicht; minstens; ska; skall; måste; minst; skal; mindst;
    påkrævet; må ikke; musi; muszą; należy; wymagane?; co najmniej; musí; povinné; nejméně; alespoň;
    najmenej; trebuie; obligatoriu; cel puțin; kell; legalább; kötelező; mora; morajo; moraju; vsaj;
    najmanje; peab; vähemalt; on oltava; tulee; pitää; vähintään; turi; privalo; bent; jābūt; vismaz;
    трябва; задължително; най-малко; πρέπει; απαιτείται; τουλάχιστον
""")
WISHED = _words(r"""
    should; could; may; might; ideally; preferably; desirable; nice to have; optional; sollten?; sollen;
    soll; kann; wünschenswert; vorzugsweise; devrait; devraient; peut; souhaitable; souhaité; de
    préférence; debería; deberían; deseable; dovrebbe; auspicabile; deveria; desejável; zou; wenselijk;
    bör; önskvärt; bør; powinien; powinna; powinny; mělo by; měl by; vhodné; ar trebui; tulisi;
    lehetőleg; želeno; θα πρέπει να
""")
PHRASING = _words(r"""
    able; ability; capable; will; would; can; shall; provid(?:e|es|ed|ing); ensur(?:e|es|ed|ing);
    allow(?:s|ed|ing)?; enabl(?:e|es|ed|ing); offer(?:s|ed|ing)?; perform(?:s|ed|ing)?;
    achiev(?:e|es|ed|ing); us(?:e|es|ed|ing); hav(?:e|ing); has; be; been; being; mak(?:e|es|ing);
    includ(?:e|es|ed|ing); suitable; expected; wish(?:es|ed)?; want(?:s|ed)?; within; without; each; every;
    any; all; both; such; other; another; up to; up; down to; per; via; than; then; when; where; while;
    which; whose; after; before; during; between; under; over; above; below; about; through; throughout;
    until; also; only; very; more; most; less; least; following; respective(?:ly)?; können; werden; wird;
    sein; haben; bieten; bereitstellen; ermöglichen; gewährleisten; sicherstellen; geeignet; fähig;
    innerhalb; zwischen; während; jede[nrms]?; pouvoir; pourra; pourront; fournir; permettre; assurer;
    garantir; être; avoir; capables?; chaque; entre; pendant; jusqu['’]à; poder; proporcionar; permitir;
    garantizar; asegurar; ser; tener; capaz; capaces; cada; durante; hasta; potere; fornire; permettere;
    garantire; essere; avere; capac[ei]; ogni; tra; fino a; fornecer; assegurar; até; kunnen; zullen;
    worden; zijn; leveren; waarborgen; geschikt; binnen; tussen; elke?; kunne; ville; være; levere; sikre;
    inden for; mellem; hver; kunna; vara; tillhandahålla; säkerställa; inom; mellan; varje; móc; być;
    zapewnić; umożliwi\w*; między; každý; každé; zajistit; umožnit; mezi; zabezpečiť; umožniť; medzi;
    asigura; permite; între; fiecare; biztosít\w*; minden; között; omogućiti; zagotoviti; omogočiti; med;
    tagama; võimaldama; olema; voida; mahdollistaa; olla; užtikrinti; leisti; būti; nodrošināt; ļaut; būt;
    осигурява; позволява; бъде; между; παρέχει; επιτρέπει; είναι
""")
"""How needs are phrased, whatever they are about: beside MANDATORY and WISHED, words that name no gap."""
ASKED = re.compile(
    r"(?:is|are)\s(?:\w+\s)?(?:expected|required|requested|invited|needed|to\sbe)\b|aims?\s(?:to|at)\b|"
    r"\b(?:the\s)?(?:goals?|aims?|objectives?|focus)\b.{0,60}\b(?:is|are)\b|\bwill\b|\bwants?\b|"
    r"\blook(?:s|ing)?\sfor\b|\bseeks?\b|\bwe\s(?:need|require)\b",
    re.IGNORECASE,
)
"""Other ways to ask for something, besides the words of MANDATORY and WISHED."""
IMPERATIVE = re.compile(
    r"(?:develop|demonstrate|design|build|test|validate|integrate|investigate|identify|provide|create|improve|"
    r"establish|ensure|explore|support|reduce|increase|enable|assess|analy[sz]e|define|deliver|perform|propose|"
    r"address|advance|apply|combine|compare|conduct|detect|enhance|evaluate|facilitate|generate|implement|"
    r"include|manufacture|measure|monitor|optimi[sz]e|prepare|produce|promote|select|simulate|study|supply|use)\b",
    re.IGNORECASE,
)
"""List items of calls begin with what is to be done."""
CONSTRAINT = _words(r"""
    compl(?:y|ies|iant|iance); conform\w*; compatib\w+; in accordance with; according to; standards?;
    certif\w+; (?-i:(?:ISO|IEC|EN|DIN|ASTM)\s?\d*); ECSS(?:-\w+)*; ATEX; GDPR; (?-i:REACH);
    fits?; interfaces? with; without; must not; shall not; not exceed; no more than; limited to;
    restricted to; existing infrastructure; retrofit\w*; footprint; mounted; connector\w*;
    Norm(?:en)?; gemäß; kompatib\w+;
    ohne; darf nicht; dürfen nicht; einhalt\w+; norme?s?; conformément; sans; ne (?:doit|doivent) pas;
    respecter; normas?; conforme; senza; conformità; zonder; voldoen; uden; utan; bez; zgodn\w+; v
    souladu; без
""")
PERFORMANCE = _words(r"""
    accura(?:cy|te); precision; resolution; throughput; efficien(?:cy|t); lifetime; sensitivity; range;
    latency; bandwidth; reliab\w+; capacity; faster; higher; lower; reduc\w+; Genauigkeit; Auflösung;
    Wirkungsgrad; Lebensdauer; précision; résolution; rendement; durée de vie; precisión; resolución;
    rendimiento; precisione; risoluzione; rendimento
""")
CAPABILITY = _words(r"""
    develop\w*; design\w*; demonstrat\w*; validat\w*; manufactur\w*; produc(?:e|es|ing|tion); measur\w*;
    detect\w*; monitor\w*; control\w*; test(?:ing|s|ed)?; integrat\w*; simulat\w*; optimi[sz]\w*;
    system\w*; sensor\w*; technolog\w*; prototyp\w*; material\w*; tools?; supply; deliver\w*;
    install\w*; maint\w+; equipment; software; device\w*; method\w*; Entwicklung; entwickeln;
    Herstellung; Lieferung; Messung; Steuerung; Anlage\w*; Gerät\w*; développe\w*; conception;
    fabrication; fourniture; mesur\w+; système\w*; capteur\w*; desarrollo; suministro; sistema\w*;
    sviluppo; fornitura; desenvolvimento; fornecimento; ontwikkel\w+; levering; utveckling; leverans;
    udvikling; dostaw\w+; dodáv\w+; livrare
""")

STAGES = {
    "research": _words(r"""
    research; feasibility; proof of concept; fundamental; investigat\w+; explor(?:e|ing|ation);
    Forschung; Machbarkeit\w*; recherche; faisabilité; investigación; ricerca; onderzoek
"""),
    "development": _words(r"""
    develop\w*; prototyp\w*; demonstrat\w*; design\w*; validat\w*; pilot\w*; R&D; Entwicklung;
    entwickeln; développe\w*; démonstrat\w*; desarroll\w+; svilupp\w+
"""),
    "manufacturing": _words(r"""
    manufactur\w*; series production; fabricat\w*; supply of; suppl(?:y|ies); deliver(?:y|ies);
    procure(?:ment)? of; Herstellung; Fertigung; Lieferung; fabrication; fourniture; livraison;
    suministro; fornitura; levering; dostaw\w+; dodávk\w+; leverans; industrialisation
"""),
    "servicing": _words(r"""
    maintenance; servicing; repairs?; upkeep; spare parts; operation and maintenance; calibration;
    Wartung; Instandhaltung; entretien; réparation; mantenimiento; manutenzione; onderhoud; underhåll;
    vedligeholdelse; údržba; konserwacj\w+
"""),
}

ADMINISTRATIVE = _words(r"""
    proposals? (?:is|are) (?:invited|encouraged|welcome); applicants?; applications?; eligib\w+;
    consorti(?:um|a); beneficiar(?:y|ies); grant agreements?; General Annex(?:es)?; annex(?:es)?; work
    programmes?; admissib\w+; award criteri(?:a|on); evaluation criteria; evaluat(?:ors|ion panel); lump
    sum; budget; (?-i:EUR); funding; funded; fund; co-?financ\w+; financial support; FSTP;
    co-?programmed; partnerships?; legal entit(?:y|ies); third countr(?:y|ies); associated countr\w+;
    Regulation \(E[UC]\); Directive; Communication; Commission; Council; Parliament; Treaty; Green Deal;
    Horizon Europe; Horizon 2020; Euratom Programme; Digital Europe; Strategic Plan; multi-actor
    approach; (?-i:SSH); social sciences; humanities; gender; intersectional\w*; (?-i:JRC);
    international cooperation; synerg(?:y|ies); complementarit(?:y|ies); cluster(?:ing)? with;
    networking; joint activities; dissemination; disseminat\w+; communication activities; exploitation
    plan; exploitation strateg\w+; business model\w*; open science; (?-i:FAIR); EOSC; European Research
    Area; destination; this topic; this call; this action; call for proposals; portfolio; work
    packages?; indicative; expected impacts?; policy mak\w+; policymakers; stakeholders?; capacity
    building; previous projects; past projects; other projects; funded projects; duplicat\w+;
    deliverables?; SMEs?; start-?ups?; reference TRL; Technology Readiness Level; subcontract\w+; Member
    States?; contracting authority; tender(?:s|ers?|ing)?; bidders?; submission; framework agreement;
    lots?; contract (?:duration|period|value|notice); award(?:ed)? (?:of )?the contract; EU taxonomy;
    ethics; duration; granting authority; licen[cs]ing; ownership; resubmission; past and ongoing; EU
    (?:initiatives?|polic(?:y|ies)|strateg(?:y|ies)|missions?); (?-i:Strateg(?:y|ies)|Action
    Plan|Deal|Agenda|Act|Pact|Framework Programme); Bieter\w*; Angebot\w*; Vergabe\w*; (?-i:Los);
    Auftraggeber\w*; Ausschreibung\w*; Vertrag\w*; soumissionnaires?; candidats?; offres?; marché;
    accord-cadre; pouvoir adjudicateur; lot; licitador\w*; ofertas?; contrato; adjudica\w+; offerent\w+;
    appalto; aggiudica\w+; inschrijv\w+; aanbesteding\w*; wykonawc\w+; zamówieni\w+; ofert\w*; anbud\w*;
    tilbud\w*
""")

FURNITURE = re.compile(
    r"""^\W*(?:
        \[\d{1,3}\]\s*(?:https?:|see\b|COM|OJ|Regulation|Directive|Decision|[A-Z(]).{0,2000}
        | (?:see|for (?:more|further) information|please|read more|click|page\s\d+|source\s?:).*
        | (?:indicative|available)\s(?:budget|number).*
        | (?:technology\sreadiness\slevel\s-\s|the\sreference\sTRL|targeted\stypes\sof\sactivities).*
        | null
        | activities\s(?:are\sexpected\sto|may)\s(?:achieve|start)\b.*\bTRL.*
        | (?:all\srights\sreserved|copyright|©).*
        | .*(?:\.pdf|\bdoi\b|\bOJ\s[LC]\b).*
        | \S*https?:\S*\W*
        )$""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

SECTION_LABEL = re.compile(
    r"(?:(?:expected|specific|general|main)\s)?"
    r"(?:objectives?|outcomes?|scope|impacts?|challenges?|conditions?|background|context|introduction|summary|"
    r"requirements?|description|need|purpose|"
    r"Ziele?|Hintergrund|Anforderungen|Beschreibung|Zusammenfassung|objectifs?|contexte|exigences|besoin|"
    r"objetivos?|requisitos|descripción|obiettivi|requisiti|descrizione|doelstellingen?|eisen|achtergrund|"
    r"cele|wymagania|opis|cíle|požadavky|popis|mål|krav|baggrund|bakgrund|tavoitteet|vaatimukset)\s*:",
    re.IGNORECASE,
)

LEAD_IN = re.compile(
    r"""^(?:
        (?:(?:furthermore|moreover|in\saddition|additionally|in\sparticular|specifically|finally|therefore|
             to\s(?:that|this)\send|in\sthis\scontext|as\sa\sresult|however|also|and|or),?\s+)?
        (?:(?:(?:all|the|these|this|each|successful|proposed|resulting|funded)\s+)*
             (?:proposals?|projects?|(?:innovation\s)?actions?|activities|projects?\sresults|results|
                research|topics?|consorti(?:a|um)|applicants|solutions?\sproposed)
             (?:\s+(?:(?:submitted|funded)\s)?under\sthis\s(?:topic|call|action))?
           | it | they | we | this )
        \s+(?:therefore\s|also\s)?
        (?:should|must|shall|will|may|could|needs?|aims?|
           (?:is|are)\s(?:also\s)?(?:expected|required|encouraged|invited|requested|intended)
           |want|wish|would\slike|look(?:ing)?\sfor|seek|require)
        (?:\s+(?:also|therefore|at\sleast|be\sable|contribute|have))*
        (?:\s+(?:to|at))?
        | (?:nous\savons\sbesoin\s(?:de|d['’])|il\sfaut|wir\s(?:benötigen|brauchen|suchen)|es\s(?:soll|muss)|
             necesitamos|se\srequiere|abbiamo\sbisogno\sdi|wij\szoeken|vi\ssøger|vi\sbehöver)
        | and | or | as\swell\sas
        )\s+""",
    re.IGNORECASE | re.VERBOSE,
)

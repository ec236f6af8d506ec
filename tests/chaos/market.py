"""A market whose outcome depends on what was put in and never on when: so that two runs can be compared.

What an index says of a challenge's background depends on the texts that are in it at that moment. Here every
profile keeps its number of texts, and what changes of them is far from every need: whenever a background is
measured it is the same, while each change still changes scores, gates or versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

BUYER = "cern"
CLUSTERS = ("north", "south")
"""Each owns every second company."""


@dataclass(frozen=True, slots=True)
class Subject:
    """`needs`: what is asked for; `skills`: what companies say that can do it, two for each."""

    title: str
    needs: tuple[str, ...]
    skills: tuple[tuple[str, str], ...]


SUBJECTS = (
    Subject(
        "Pressure sensor for a 4 K helium line",
        (
            "We need to measure the pressure of liquid helium between 0.1 and 20 bar at 4 K.",
            "The cryogenic sensor must be calibrated at liquid helium temperature.",
        ),
        (
            ("Cryogenic pressure sensors for liquid helium lines", "Calibration of cryogenic sensors at 4 K"),
            ("Pressure transducers for liquid helium at 4 K", "Cryogenic test stands for helium sensors"),
            ("Sensors for helium pressure in cryostats", "Calibrated cryogenic pressure gauges"),
            ("Liquid helium level and pressure sensors", "Low temperature calibration in liquid helium"),
            ("Helium line instrumentation at 4 K", "Cryogenic sensor assembly and calibration"),
        ),
    ),
    Subject(
        "Deformable mirror for adaptive optics of a telescope",
        (
            "The telescope needs a deformable mirror with 5000 actuators for adaptive optics.",
            "The deformable mirror must correct atmospheric turbulence for the telescope at 1 kHz.",
        ),
        (
            ("Deformable mirrors for adaptive optics of telescopes", "Actuators for deformable mirrors"),
            ("Adaptive optics systems for large telescopes", "Correction of atmospheric turbulence at 1 kHz"),
            ("Telescope mirrors with many actuators", "Real-time control of adaptive optics"),
            ("Wavefront correction by deformable mirrors", "Adaptive optics for astronomical telescopes"),
            ("Mirror actuators for telescopes", "Turbulence correction with deformable mirrors"),
        ),
    ),
    Subject(
        "Ultra-high vacuum chamber of an accelerator",
        (
            "We look for ultra-high vacuum chambers of stainless steel for the accelerator beam pipe.",
            "The vacuum chamber must be leak tested to 1e-11 mbar l/s and coated with getter.",
        ),
        (
            ("Ultra-high vacuum chambers of stainless steel", "Leak tested vacuum vessels to 1e-11 mbar l/s"),
            ("Vacuum beam pipes for accelerators", "Getter coatings of vacuum chambers"),
            ("Stainless steel vacuum chambers for accelerators", "Helium leak testing of vacuum chambers"),
            ("Getter coated beam pipes", "Vacuum brazing of accelerator chambers"),
            ("Accelerator vacuum systems", "Leak tested ultra-high vacuum components of stainless steel"),
        ),
    ),
    Subject(
        "Radiation-hard electronics for detector readout",
        (
            "The detector needs radiation-hard readout electronics that survive 10 MGy.",
            "The readout chip must be tested under gamma radiation and read the detector at 40 MHz.",
        ),
        (
            (
                "Radiation-hard readout electronics for detectors",
                "Readout chips tested under gamma radiation",
            ),
            ("Detector readout chips at 40 MHz", "Radiation tests of electronics to 10 MGy"),
            ("Radiation-hard integrated circuits", "Front-end electronics for particle detectors"),
            ("Gamma irradiation tests of detector electronics", "Radiation tolerant readout chips"),
            ("Readout boards for particle detectors", "Electronics that survive gamma radiation"),
        ),
    ),
)
"""Five companies for each."""

ASIDE = (
    "Bread and cakes for canteens, delivered every morning",
    "Garden benches and lawn care for schools",
    "Laundry of tablecloths for restaurants",
    "Wedding photographs and picture albums",
    "Ballet lessons for children and adults",
    "Repair of violins and old pianos",
    "Translation of novels and poems",
    "Horse riding holidays in summer",
)
"""What companies also do, and change from time to time."""

COMPANIES = sum(len(subject.skills) for subject in SUBJECTS)


def company(number: int, generation: int = 0) -> dict[str, Any]:
    """Profile of the company with this number as it is after so many changes: of three changes one is seen
    by nobody, one moves the readiness level and with it a gate, one the score by a little."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    skills = subject.skills[number // len(SUBJECTS)]
    level = 3 + (number + (generation + 2) // 3 * 2) % 6
    aside = ASIDE[(number + (generation + 1) // 3) % len(ASIDE)]
    texts = (*skills, aside)
    return {
        "name": name_of(number),
        "country": ("DE", "FR", "IT")[number % 3],
        "website": f"https://company-{number}.example.org/{generation}",
        "capabilities": [
            {"id": f"c{place}", "text": text, "trl": level} for place, text in enumerate(texts, start=1)
        ],
    }


def name_of(number: int) -> str:
    return f"Company {number:02}"


def owner_of(number: int) -> str:
    return CLUSTERS[number % len(CLUSTERS)]


def challenge(number: int, chance: Random) -> dict[str, Any]:
    """An announcement whose title no other has."""
    subject = SUBJECTS[chance.randrange(len(SUBJECTS))]
    return {
        "title": f"{subject.title} no. {number}",
        "need": " ".join(subject.needs),
        "buyer": BUYER,
        "trl_start": 4 + number % 3,
        "deadline": "2099-06-01",
    }

"""Metrics of matching, in the kernel's registry. Labels have few values: groups of companies, never one."""

from __future__ import annotations

from prometheus_client import Gauge

from services.kernel.metrics import REGISTRY

SUGGESTED_SHARE = Gauge(
    "liaison_exposure_suggested_share",
    "Share of the suggestions among the first ten of each open challenge that go to a group of companies. "
    "by: country, size_class, newcomer.",
    ["by", "group"],
    registry=REGISTRY,
)
PRESENT_SHARE = Gauge(
    "liaison_exposure_present_share",
    "Share of the active companies that are of the group: what the suggested share is to be held against.",
    ["by", "group"],
    registry=REGISTRY,
)
EXPOSED = Gauge(
    "liaison_exposure_suggestions",
    "Suggestions that the shares are of.",
    registry=REGISTRY,
)

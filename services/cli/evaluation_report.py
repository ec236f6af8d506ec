"""The figures of an evaluation, as tables for people; the JSON has all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.cli.output import out, print_table

if TYPE_CHECKING:
    from services.evaluation.result import Report

GROUPS_SHOWN = 12
"""Groups of an exposure table that are printed; the JSON has all."""


def print_reports(found: Sequence[Report]) -> None:
    """Of one task on one bundle: methods side by side as far as they have the same figures."""
    columns = ["metric", "method", "figure", "95 % interval"]
    if len(found) > 1:
        columns.append(f"more than {found[0].method}")
    rows = [
        (name if place == 0 else "", one.method.value, *_figures(one, name), "")[: len(columns)]
        for name in dict.fromkeys(name for one in found for name in one.metrics)
        for place, one in enumerate(one for one in found if name in one.metrics)
    ]
    print_table(columns, rows, empty="")
    _print_exposure(found)
    for one in found:
        _print_reliability(one)
        _print_parts(one)
        _print_languages(one)


def _figures(one: Report, name: str) -> tuple[str, ...]:
    low, high = one.intervals[name]
    shown = (f"{one.metrics[name]:.4f}", f"{low:.3f} to {high:.3f}")
    if name not in one.differences:
        return shown
    apart, (least, most) = one.differences[name]["difference"], one.differences[name]["interval"]
    return (*shown, f"{apart:+.4f} ({least:+.3f} to {most:+.3f})")


def _print_exposure(found: Sequence[Report]) -> None:
    exposures: dict[str, Any] = {
        one.method.value: one.details["exposure"] for one in found if "exposure" in one.details
    }
    if not exposures:
        return
    first, *_ = exposures.values()
    for grouping, shares in first["shares"].items():
        out.print("\nwho is among the first ten, by method", highlight=False)
        largest = sorted(shares, key=lambda group: -shares[group][0])[:GROUPS_SHOWN]
        rows = [
            (
                group,
                *(f"{one['shares'][grouping][group][0]:.1%}" for one in exposures.values()),
                f"{shares[group][1]:.1%}",
            )
            for group in largest
        ]
        print_table((grouping.replace("_", " "), *exposures, "of all companies"), rows, empty="")
    known = [
        f"{method} {one['popularity']:+.3f}"
        for method, one in exposures.items()
        if one["popularity"] is not None
    ]
    if known:
        out.print(
            f"\nnumber of references and mean rank correlate by {', '.join(known)} (Spearman; negative: the "
            "better known come earlier)",
            highlight=False,
        )


def _print_reliability(one: Report) -> None:
    if "reliability" not in one.details:
        return
    out.print(f"\n{one.method}: what a score is worth", highlight=False)
    table = [
        (
            f"{row['low']:.1f} to {row['high']:.1f}",
            row["count"],
            f"{row['mean_score']:.3f}",
            f"{row['mean_claimed']:.4f}",
            f"{row['share_right']:.4f}",
        )
        for row in one.details["reliability"]
        if row["count"]
    ]
    print_table(("score", "pairs", "mean score", "said to be right", "right"), table, empty="")
    out.print(
        f"expected calibration error {one.details['calibration_error']:.4f}, "
        f"of what would be suggested {one.details['calibration_error_suggested']:.4f}",
        highlight=False,
    )


def _print_parts(one: Report) -> None:
    for title, added in one.details.get("parts", {}).items():
        out.print(f"\n{one.method}: what each part adds to {title}", highlight=False)
        print_table(("part", "figure"), [(part, f"{figure:.4f}") for part, figure in added.items()], empty="")


def _print_languages(one: Report) -> None:
    if "languages" not in one.details:
        return
    out.print(f"\n{one.method}: by language", highlight=False)
    languages = [
        (name, f"{row['p@1']:.3f}", f"{row['mrr']:.3f}", row["queries"])
        for name, row in one.details["languages"].items()
    ]
    print_table(("language", "p@1", "mrr", "needs"), languages, empty="")

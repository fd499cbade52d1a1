"""Numbers become lines: spreads, ratios, and goals that are reached or missed."""

from __future__ import annotations

import statistics


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def spread(values: list[float]) -> dict[str, float]:
    return {"min": min(values), "p10": quantile(values, 0.1), "median": statistics.median(values),
            "p90": quantile(values, 0.9), "max": max(values), "count": len(values)}


class Report:
    """Prints what was found as it is found, and keeps it for the JSON file."""

    def __init__(self):
        self.result: dict = {}
        self.goals: list[dict] = []

    def section(self, title: str, columns: str = "") -> None:
        print(f"\n{title:38}{columns}", flush=True)

    def line(self, name: str, *figures: str) -> None:
        print(f"  {name:36}" + "  ".join(figure for figure in figures if figure), flush=True)

    def goal(self, what: str, value: float, limit: float, at_least: bool = False) -> str:
        """Says whether it is reached, and remembers."""
        reached = value >= limit if at_least else value <= limit
        self.goals.append({"what": what, "value": value, "limit": limit, "at_least": at_least, "reached": reached})
        return f"goal {'≥' if at_least else '≤'} {limit:g}: {'reached' if reached else 'MISSED'}"

    def spreads(self, title: str, result: dict, against: dict[str, tuple[str, float | None]]) -> None:
        """A table of spreads; `against` says for each with whose median it is compared, and the ratio that is the goal."""
        self.section(title, f"{'min':>7} {'p10':>7} {'median':>7} {'p90':>7}")
        for name, one in result.items():
            base, limit = against.get(name, ("", None))
            ratio = one["median"] / result[base]["median"] if base else 0
            self.line(name, " ".join(f"{one[key]:7.2f}" for key in ("min", "p10", "median", "p90")),
                      f"{ratio:5.2f} x {base}" if base else "",
                      self.goal(f"{title}: {name} / {base}", ratio, limit) if limit else "")

    def missed(self) -> list[str]:
        return [f"{goal['what']}: {goal['value']:.3g}, goal {'≥' if goal['at_least'] else '≤'} {goal['limit']:g}"
                for goal in self.goals if not goal["reached"]]

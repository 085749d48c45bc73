"""Routing as people look at it: quality against calls to the strong model, leakage, thresholds, models, shortening."""

from typing import Any

from bedrock_lab.planning.alternatives import ModelComparison
from bedrock_lab.planning.answers import usd
from bedrock_lab.route.metrics import Figure, Mean
from bedrock_lab.route.result import Evaluation, Judged
from bedrock_lab.route.shortening import SQUEEZE, Shortening
from bedrock_lab.views.charts import BLUE, GREEN, GREY, ORANGE, PINK, Chart, chart_of, rounded
from bedrock_lab.views.decision import rounded_values
from bedrock_lab.views.result import Result, Tile
from bedrock_lab.views.tables import Table, amount

FLAT = 0.02
"""APGR around a half in which a curve is the mixture's line to the eye, and is not drawn."""


def routing_answer(found: Evaluation) -> Result:
    """Give the answer of `evaluate_routes` as a page shows it."""
    weak, strong, oracle = found.points
    best = found.recommended
    lost = [j for j in found.policies if j.leakage is not None]
    worst = max(lost, key=lambda j: j.leakage or 0.0, default=None)
    return Result(
        title="Routing report",
        answer=found.answer,
        origin=found.origin,
        tiles=(
            Tile(
                label="Quality of each alone",
                value=f"{weak.quality.value:.3f}, {strong.quality.value:.3f}",
                note=f"{found.weak}, {found.strong}; both by hindsight {oracle.quality.value:.3f}",
            ),
            Tile(
                label="Sent to the strong model",
                value="no route" if best is None else f"{best.choice.share:.0%}",
                note=_mixture(found),
            ),
            _cost_tile(found),
            Tile(
                label="Most leakage",
                value="not known" if worst is None else f"{worst.leakage:.3f}",
                note="no tasks are named" if worst is None else f"APGR that {worst.policy} loses on unseen tasks",
            ),
        ),
        warnings=found.warnings,
        results=rounded_values(found.to_dict()),
    )


def routes_chart(found: Evaluation) -> Chart:
    """Draw mean quality against the share of prompts sent to the strong model, on the folds that decide."""
    weak, strong, oracle = found.points
    shares = list(range(101))
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [0, 100],
            "y": rounded([weak.quality.value, strong.quality.value]),
            "name": "mixture at random",
            "line": {"width": 1.5, "dash": "dash", "color": GREY},
        }
    ]
    shown = [j for j in _by_apgr(found) if abs(_apgr(j, found) - 0.5) > FLAT]
    for judged, dash in zip(shown, ("solid", "dot", "longdash", "dashdot", "solid", "dot"), strict=False):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": shares,
                "y": rounded(judged.curves[found.deciding]),
                "name": judged.policy,
                "line": {"width": 2, "dash": dash},
            }
        )
    data.append(_mark([100 * oracle.share], [oracle.quality.value], "both by hindsight", "star", PINK))
    if found.recommended is not None:
        at = found.recommended
        data.append(_mark([100 * at.choice.share], [at.quality.value], "threshold", "circle", BLUE))
    return chart_of(
        found,
        "Quality by the share of the strong model",
        f"On {found.deciding} folds. The dashed line is a mixture at random; a policy is worth its height above it.",
        data,
        {
            "xaxis": {"title": {"text": "Prompts sent to the strong model [%]"}, "range": [0, 100]},
            "yaxis": {"title": {"text": "Mean quality"}},
            "height": 420,
        },
    )


def leakage_chart(found: Evaluation) -> Chart:
    """Draw APGR of each policy on each kind of folds, with its interval."""
    colours = dict(zip(("shuffled", "grouped"), ((ORANGE, "/"), (BLUE, "")), strict=True))
    shown = list(reversed(_by_apgr(found)))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [j.policy for j in shown],
            "x": rounded([j.folds[kind].apgr.value or 0.0 for j in shown]),
            "error_x": _bars([j.folds[kind].apgr for j in shown]),
            "name": f"{kind} folds",
            "marker": {"color": colours[kind][0], "pattern": {"shape": colours[kind][1]}},
        }
        for kind in reversed(found.kinds)
    ]
    return chart_of(
        found,
        "What each policy recovers of the gap",
        "Mean over all shares of the strong model, with 95 % intervals; one half is a router that draws at random.",
        data,
        {
            "barmode": "group",
            "xaxis": {"title": {"text": "APGR"}, "range": [0, 1]},
            "yaxis": {"title": {"text": ""}, "automargin": True},
            "shapes": [
                {
                    "type": "line",
                    "x0": 0.5,
                    "x1": 0.5,
                    "y0": 0,
                    "y1": 1,
                    "yref": "paper",
                    "line": {"dash": "dash", "color": GREY},
                }
            ],
            "hovermode": "closest",
            "height": 460,
        },
    )


def thresholds_table(found: Evaluation) -> Table:
    """List the threshold each policy gets on one half of the groups, and what came of it on the other."""
    rows = [
        (
            ("mixture at random" if j.policy == "random" else j.policy) + (" (recommended)" if _best(found, j) else ""),
            *(
                ("none", "", "", "", "", "no threshold promises it")
                if (t := j.trial) is None
                else (
                    f"{t.threshold:.4g}",
                    f"{t.share:.1%}",
                    f"{t.quality:.4f}",
                    f"{t.needed:.4f}",
                    "" if t.usd is None else f"{1000 * t.usd:.3f}",
                    "yes" if t.kept else "no",
                )
            ),
        )
        for j in _by_apgr(found)
    ]
    headers = ("Policy", "Threshold", "To the strong", "Quality", "Needed", "USD/1k requests", "Kept")
    return Table(headers, tuple(rows), headers[1:6], found.origin)


def points_table(found: Evaluation) -> Table:
    """List each model alone, both by hindsight, and what is recommended: share, quality, cost, with intervals."""
    points = [(p.name, p.share, p.quality, p.usd) for p in found.points]
    if (best := found.recommended) is not None:
        points.append((f"{best.policy.name} at its threshold", best.choice.share, best.quality, best.usd))
    rows = [
        (
            name,
            f"{share:.1%}",
            f"{quality.value:.4f}",
            f"{quality.lo:.4f} to {quality.hi:.4f}",
            "" if paid is None else f"{1000 * paid.value:.3f}",
            "" if paid is None else f"{1000 * paid.lo:.3f} to {1000 * paid.hi:.3f}",
        )
        for name, share, quality, paid in points
    ]
    headers = ("Who answers", "To the strong", "Quality", "95 %", "USD/1k requests", "95 % of USD")
    return Table(headers, tuple(rows), headers[1:], found.origin)


def models_table(found: ModelComparison) -> Table:
    """List models beside each other for one's own traffic."""

    def cell(value: float | None, form: str) -> str:
        return "" if value is None else f"{value:{form}}"

    rows = [
        (
            m.model_id,
            "" if m.usd_per_month is None else amount(m.usd_per_month),
            "" if m.range is None else _range(m.range),
            cell(m.fits_share, ".1%"),
            ", ".join(o for o, sold in m.options.items() if sold == "yes"),
            cell(m.cache_minimum_tokens, ",.0f"),
            cell(m.quota_share, ".1%"),
            m.lifecycle + ("" if m.eol is None else f" until {m.eol}"),
            cell(m.ttft_s, ".2f"),
            cell(m.quality, "g"),
        )
        for m in found.models
    ]
    headers = (
        *("Model", "USD/month", "Range", "Fits", "Sold", "Least cached prefix", "Of the quota", "Lifecycle"),
        *("TTFT [s]", "Quality"),
    )
    return Table(
        headers, tuple(rows), ("USD/month", "Range", "Fits", "Least cached prefix", "Of the quota"), found.origin
    )


def shortening_chart(found: Shortening) -> Chart:
    """Draw the tokens that are left by each way of shortening."""
    names = ["as they are", *(w.way for w in found.ways)]
    left = [found.tokens_before, *(w.tokens for w in found.ways)]
    colours = [GREY, *(GREEN if w.way == SQUEEZE else ORANGE for w in found.ways)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names[::-1],
        "x": rounded([tokens / found.conversations for tokens in left[::-1]]),
        "marker": {
            "color": colours[::-1],
            "pattern": {"shape": ["" if c != ORANGE else "/" for c in colours[::-1]]},
        },
        "name": "tokens",
        "showlegend": False,
    }
    return chart_of(
        found,
        "Input that is left",
        "Green takes out nothing that means something; hatched bars cut content, and answers have to be judged.",
        [bars],
        {
            "xaxis": {"title": {"text": "Tokens of a conversation, mean"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": ""}, "automargin": True},
            "hovermode": "closest",
            "height": 340,
        },
    )


def shortening_table(found: Shortening) -> Table:
    """List ways of shortening: what is saved, what was cut, what could not be."""
    first = ("as they are", f"{found.tokens_before:,}", "", "", "", "", _per_1k(found.usd_per_1k_requests))
    rows = [
        (
            w.way,
            f"{w.tokens:,}",
            f"{w.saved_share:.1%}",
            f"{w.changed} of {found.conversations}",
            ", ".join(f"{n:,} {what if n == 1 or what.endswith('s') else what + 's'}" for what, n in w.cut.items()),
            f"{w.refused}",
            _per_1k(w.usd_per_1k_requests),
        )
        for w in found.ways
    ]
    headers = ("Way", "Tokens", "Saved", "Changed", "Cut", "Too long to cut", "Input USD/1k requests")
    return Table(headers, (first, *rows), ("Tokens", "Saved", "Too long to cut", headers[-1]), found.origin)


def routing_basis_table(found: Evaluation) -> Table:
    """List the definition of the measures, and what is assumed of the cost."""
    rows = [("Definition", found.definition), ("Labels", found.source)]
    rows += [
        (f"Assumed: {a.name}", f"{a.value} {a.unit}; {a.source}")
        for a in (found.costs.assumptions if found.costs else ())
    ]
    return Table(("What", "In words"), tuple(rows), (), found.origin)


def _mark(x: list[float], y: list[float], name: str, symbol: str, colour: str) -> dict[str, Any]:
    marker = {"size": 13, "symbol": symbol, "color": colour}
    return {"type": "scatter", "mode": "markers", "x": rounded(x), "y": rounded(y), "name": name, "marker": marker}


def _bars(figures: list[Figure]) -> dict[str, Any]:
    def off(f: Figure, end: float | None) -> float:
        return 0.0 if f.value is None or end is None else abs(end - f.value)

    return {
        "type": "data",
        "symmetric": False,
        "array": rounded([off(f, f.hi) for f in figures], 3),
        "arrayminus": rounded([off(f, f.lo) for f in figures], 3),
        "color": GREY,
    }


def _apgr(judged: Judged, found: Evaluation) -> float:
    return judged.folds[found.deciding].apgr.value or 0.0


def _by_apgr(found: Evaluation) -> list[Judged]:
    return sorted(found.policies, key=lambda j: -_apgr(j, found))


def _best(found: Evaluation, judged: Judged) -> bool:
    return found.recommended is not None and found.recommended.policy.name == judged.policy


def _mixture(found: Evaluation) -> str:
    if found.mixture is None:
        return f"no mixture promises {found.target}"
    return f"for {found.target}; a mixture at random needed {found.mixture.share:.0%}"


def _cost_tile(found: Evaluation) -> Tile:
    strong: Mean | None = found.points[1].usd
    best = found.recommended
    if strong is None:
        return Tile(label="Cost", value="not known", note="name both models to price them")
    if best is None or best.usd is None:
        return Tile(label="Cost of the strong alone, 1k requests", value=usd(1000 * strong.value), note="no route")
    return Tile(
        label="Cost at the threshold, 1k requests",
        value=usd(1000 * best.usd.value),
        note=f"{best.usd.value / strong.value:.0%} of the strong model's {usd(1000 * strong.value)}",
    )


def _range(ends: tuple[float, float]) -> str:
    low, high = map(amount, ends)
    return low if low == high else f"{low} to {high}"


def _per_1k(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

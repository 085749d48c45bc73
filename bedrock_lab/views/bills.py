"""A bill as people look at it: what was paid, by what, against list, and where the cents went."""

from decimal import Decimal
from typing import Any

from bedrock_lab.bills.causes import UNKNOWN
from bedrock_lab.bills.charge import Charge, Charges
from bedrock_lab.bills.reconciliation import Reconciliation
from bedrock_lab.bills.reconciling import CATEGORIES
from bedrock_lab.views.charts import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Chart, chart_of, rounded
from bedrock_lab.views.decision import rounded_values
from bedrock_lab.views.result import Result, Tile
from bedrock_lab.views.tables import Table

COLOURS = (BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY)
MOST_NAMES = len(COLOURS) - 1
MOST_ROWS = 15


def money(value: Decimal | float) -> str:
    """Write an amount to the cent.

    >>> money(Decimal("1234.567")), money(Decimal("-0.004"))
    ('1,234.57 USD', '-0.00 USD')
    """
    return f"{float(value):,.2f} USD"


def bill_answer(bill: Charges, held: Reconciliation | None = None) -> Result:
    """Give what was paid, and where a trace is at hand why it is not what that comes to."""
    listed = _list(bill)
    largest = next(iter(_by_name(bill).items()), ("nothing", Decimal(0)))
    paid = f"AWS charged {money(bill.total_usd)} for Bedrock, most of it for {largest[0]} ({money(largest[1])})."
    return Result(
        title="Bill report",
        answer=paid if held is None else f"{paid} {held.comparison}",
        origin=bill.origin,
        tiles=(
            Tile(label="Charged", value=money(bill.total_usd), note=f"net {money(bill.net_usd)}"),
            Tile(
                label="Tokens against list",
                value="unknown" if listed is None else money(listed[1] - listed[0]),
                note="the bill says no public rates" if listed is None else f"list {money(listed[0])}",
            ),
            Tile(label="Not covered", value=money(bill.not_covered_usd), note="bedrock-mantle"),
            Tile(
                label="Unexplained",
                value="unknown" if held is None else money(held.unexplained_usd),
                note="no trace was given" if held is None else f"{held.unexplained_share:.2%} of the bill",
            ),
        ),
        warnings=bill.notes if held is None else held.warnings,
        results=rounded_values({"bill": bill.to_dict()} | ({} if held is None else {"reconciliation": held.to_dict()})),
    )


def _list(bill: Charges) -> tuple[Decimal, Decimal] | None:
    """Tokens at public rates and as charged; None where no line says a rate."""
    known = [c for c in bill.charges if c.is_tokens and c.list_usd is not None]
    if not known:
        return None
    return sum((c.list_usd or Decimal(0) for c in known), Decimal(0)), sum((c.usd for c in known), Decimal(0))


def _name(charge: Charge) -> str:
    """Name what a line is for: its model, what else was bought, or its kind."""
    if charge.kind != "usage":
        return charge.kind
    if charge.meaning.category == "tokens" and charge.meaning.model:
        return charge.meaning.model
    return CATEGORIES.get(charge.meaning.category, UNKNOWN)


def _by_name(bill: Charges) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for charge in bill.charges:
        found[_name(charge)] = found.get(_name(charge), Decimal(0)) + charge.usd
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def bill_chart(bill: Charges) -> Chart:
    """Draw what each thing cost."""
    shown = list(reversed(_by_name(bill).items()))
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [name for name, _ in shown],
        "x": rounded([float(usd) for _, usd in shown]),
        "marker": {"color": [GREY if usd < 0 else BLUE for _, usd in shown]},
        "name": "charged",
    }
    return chart_of(
        bill,
        "What was paid, by what",
        "A bar is a model's tokens, another thing bought, or a line taken off or added. Their sum is the bill.",
        [bars],
        {
            "xaxis": {"title": {"text": "Charged [USD]"}},
            "yaxis": {"automargin": True},
            "hovermode": "closest",
            "height": 160 + 40 * len(shown),
        },
    )


def bill_days_chart(bill: Charges) -> Chart:
    """Draw what was charged each day, by what it was for."""
    names = [n for n, usd in _by_name(bill).items() if usd > 0]
    kept = names[:MOST_NAMES]
    days = sorted({c.start[:10] for c in bill.charges if c.start})
    sums: dict[tuple[str, str], float] = {}
    for charge in bill.charges:
        if charge.start and charge.usd > 0:
            name = _name(charge) if _name(charge) in kept else "the rest"
            key = (name, charge.start[:10])
            sums[key] = sums.get(key, 0.0) + float(charge.usd)
    shown = [*kept, *(["the rest"] if len(names) > len(kept) else [])]
    bars = [
        {
            "type": "bar",
            "x": days,
            "y": rounded([sums.get((name, day), 0.0) for day in days]),
            "name": name,
            "marker": {"color": colour},
        }
        for name, colour in zip(shown, COLOURS, strict=False)
    ]
    return chart_of(
        bill,
        "What was paid, day by day",
        "Days are those of the bill, in UTC. Credits and what else is taken off are left out here.",
        bars,
        {
            "barmode": "stack",
            "xaxis": {"title": {"text": "Day"}, "type": "category"},
            "yaxis": {"title": {"text": "Charged [USD]"}},
            "height": 420,
        },
    )


def bill_lines_table(bill: Charges) -> Table:
    """List the largest lines: charged, net, and at AWS's public rate."""
    rows = [
        (
            _name(line),
            " ".join(filter(None, (line.meaning.region, line.meaning.scope, line.meaning.tier))),
            line.meaning.bucket or line.meaning.term or "",
            "" if line.tokens is None else f"{float(line.tokens):,.0f}",
            money(line.usd).removesuffix(" USD"),
            money(line.net_usd).removesuffix(" USD"),
            "" if line.list_usd is None else money(line.list_usd).removesuffix(" USD"),
            "" if line.usd_per_mtok is None else f"{line.usd_per_mtok:f}",
        )
        for line in bill.lines[:MOST_ROWS]
    ]
    headers = ("What", "Where", "Bucket", "Tokens", "USD", "Net USD", "List USD", "USD per 1M")
    return Table(headers, tuple(rows) or (("nothing",) + ("",) * 7,), headers[3:], bill.origin)


def causes_chart(held: Reconciliation) -> Chart:
    """Draw the way from what the trace comes to to what was charged, cause by cause."""
    steps = [c for c in held.causes if c.usd or c.cause == "unexplained"]
    names = ["the trace", *(c.cause for c in steps), "the bill"]
    values = [float(held.trace_usd), *(float(c.usd) for c in steps), float(held.bill_usd)]
    fall = {
        "type": "waterfall",
        "x": names,
        "y": rounded(values),
        "measure": ["absolute", *["relative"] * len(steps), "total"],
        "increasing": {"marker": {"color": RED}},
        "decreasing": {"marker": {"color": GREEN}},
        "totals": {"marker": {"color": BLUE}},
        "name": "USD",
    }
    return chart_of(
        held,
        "From the trace to the bill",
        "Each step is a cause; together they are the difference, exactly. Red makes the bill higher, green lower.",
        [fall],
        {
            "xaxis": {"automargin": True, "tickangle": -30},
            "yaxis": {"title": {"text": "USD"}},
            "showlegend": False,
            "hovermode": "closest",
            "height": 480,
        },
    )


def causes_table(held: Reconciliation) -> Table:
    """List the causes, unexplained last and always there."""
    rows = tuple((c.cause, f"{float(c.usd):+,.4f}", c.detail) for c in held.causes)
    return Table(("Cause", "USD", "What"), rows, ("USD",), held.origin)


def cells_table(held: Reconciliation) -> Table:
    """List both sides where they differ most."""
    rows: list[tuple[Any, ...]] = [
        (
            side.model,
            f"{side.region} {side.scope} {side.tier}",
            side.bucket,
            f"{float(side.trace_tokens):,.0f}",
            f"{float(side.bill_tokens):,.0f}",
            f"{float(side.trace_usd):,.4f}",
            f"{float(side.bill_usd):,.4f}",
            f"{float(side.bill_usd - side.trace_usd):+,.4f}",
        )
        for side in held.by[:MOST_ROWS]
    ]
    headers = ("Model", "Where", "Bucket", "Trace tokens", "Bill tokens", "Trace USD", "Bill USD", "Difference")
    return Table(headers, tuple(rows) or (("nothing",) + ("",) * 7,), headers[3:], held.origin)

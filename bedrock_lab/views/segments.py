"""Tables of a plan by segment."""

from bedrock_lab.planning.segments.result import SegmentedPlan
from bedrock_lab.views.tables import STEP_HEADERS, Table, amount, assumptions_rows, number, step_cells, table_of

MET = {True: "yes", False: "no", None: "no evidence"}
MOST_COMPARED = 5
"""Ways of serving a segment that are shown."""


def segments_table(plan: SegmentedPlan) -> Table:
    """List the segments: what each buys, what that costs, whether its SLO holds."""
    rows = [
        (
            s.name,
            f"{s.requests:,}",
            f"{s.share:.1%}",
            amount(s.baseline_usd_per_month),
            "" if s.cost_usd_per_month is None else amount(s.cost_usd_per_month),
            "" if s.range is None else f"{amount(s.range[0])} to {amount(s.range[1])}",
            ",".join(f"{name}={limit:g}" for name, limit in s.slo.items()),
            MET[s.slo_met] if s.slo else "",
            s.why,
        )
        for s in plan.segments
    ]
    headers = ("Segment", "Requests", "Share", "On demand", "USD/month", "Range", "SLO", "Met", "Why")
    return table_of(headers, rows, headers[1:6], plan.origin)


def shared_table(plan: SegmentedPlan) -> Table:
    """List capacity that several segments use, and what sharing saves."""
    rows = [
        (
            s.purchase.name,
            s.model,
            ", ".join(f"{name} {part:.0%}" for name, part in s.shares.items()),
            amount(s.usd_per_month),
            amount(s.apart_usd_per_month),
        )
        for s in plan.shared
    ]
    headers = ("Capacity", "Model", "Used by", "USD/month of all", "Each apart")
    return table_of(headers, rows, headers[3:], plan.origin)


def compared_table(plan: SegmentedPlan) -> Table:
    """List what each segment was set against, the cheapest first; a substitute always."""
    rows = []
    for s in plan.segments:
        for i, c in enumerate(s.compared):
            if i < MOST_COMPARED or c.substitute is not None or c.recommended:
                bound = ""
                if c.substitute is not None:
                    bound = f"at least {c.substitute.quality_at_least:g}: {c.substitute.quality_source}"
                said = "taken" if c.recommended else c.reason
                on_sale = c.availability
                cost = (amount(c.usd_per_month), f"{amount(c.range[0])} to {amount(c.range[1])}")
                rows.append((s.name, c.name, c.model, *cost, on_sale, bound, said))
    headers = ("Segment", "Way", "Model", "USD/month", "Range", "On sale", "Quality", "")
    return table_of(headers, rows, headers[3:5], plan.origin)


def flips_table(plan: SegmentedPlan) -> Table:
    """List how far each quantity may move before another way of buying wins in a segment."""
    rows = [(s.name, f.assumption, number(f.base), number(f.value), f.becomes) for s in plan.segments for f in s.flips]
    headers = ("Segment", "Quantity", "Now", "Turns over at", "Then the cheapest is")
    return table_of(headers, rows, headers[2:4], plan.origin)


def actions_table(plan: SegmentedPlan) -> Table:
    """List the steps by segment, then what is shared."""
    rows = [(s.name, *step_cells(a)) for s in plan.segments for a in s.actions]
    rows += [(", ".join(s.segments), *step_cells(a)) for s in plan.shared for a in s.actions]
    return table_of(("Segment", *STEP_HEADERS), rows, ("USD/month", "Saves USD/month"), plan.origin)


def assumptions_table(plan: SegmentedPlan) -> Table:
    """List what is assumed, by segment where that differs."""
    return assumptions_rows(plan.assumptions)

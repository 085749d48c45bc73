"""The plan in words."""

from bedrock_lab.assumptions import Origin
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.decide import Decision
from bedrock_lab.planning.held import Headroom
from bedrock_lab.planning.purchase import CAPACITY, Mix, Purchase

COMMITMENT = {"none": "no commitment", "1m": "one month", "3m": "three months", "6m": "six months"}
API_TERM = {"1m": "OneMonth", "6m": "SixMonths"}
THROUGH = {"geo": " through the geographic profile", "global": " through the global profile"}


def usd(amount: float) -> str:
    """Write an amount for people: cents below a hundred, whole dollars above.

    >>> usd(12.345), usd(1234.5), usd(0.0042)
    ('12.35 USD', '1,234 USD', '0.0042 USD')
    """
    if 0 < abs(amount) < 1:
        return f"{amount:.2g} USD"
    return f"{amount:,.2f} USD" if abs(amount) < 100 else f"{amount:,.0f} USD"


def span(candidate: Candidate) -> str:
    """Write the range a candidate's cost may lie in, sampling and assumptions together."""
    low, high = candidate.span
    if usd(low) == usd(high):
        # only resampled traffic shows that a cost does not move with it, and a part paid by the token always does
        still = candidate.purchase.is_capacity and candidate.ci95 is not None and not candidate.parts
        return f"{usd(low)}, fixed whatever the traffic" if still else f"{usd(low)}, no range"
    return f"{usd(low)} to {usd(high)}"


def phrase(candidate: Candidate, deferrable: float) -> str:
    """Name a candidate in words; `deferrable` is the share that can wait."""
    p = candidate.purchase
    if p.mix is not None:
        return _mixed(p.mix, deferrable)
    if p.option in CAPACITY:
        return capacity_words(p)
    where = THROUGH.get(p.scope or "", "")
    words = {
        "default": "on-demand",
        "priority": "the priority tier",
        "flex": f"flex for the {deferrable:.0%} that can wait and on-demand for the rest",
        "batch": f"batch for the {deferrable:.0%} that can wait and on-demand for the rest",
        "latency-optimized": "latency-optimised on-demand",
    }
    return words[p.tier] + where


def capacity_words(p: Purchase) -> str:
    """Name bought capacity in words."""
    if p.option == "provisioned":
        units = "1 provisioned unit" if p.units == 1 else f"{p.units} provisioned units"
        return f"{units} with {COMMITMENT[p.term or 'none']}"
    size = f"{p.reserved_input_ktpm}k input and {p.reserved_output_ktpm}k output tokens/min"
    return f"Reserved {size} for {COMMITMENT[p.term or '1m']}"


def _mixed(mix: Mix, deferrable: float) -> str:
    """Name a mix in words: capacity, where what can wait goes, where the rest goes."""
    said = [capacity_words(mix.base)] if mix.base else []
    if mix.schedule:
        most = max(mix.schedule)
        said.append(f"up to {most} unit{'s' * (most > 1)} without commitment in the hours of the week that need them")
    if mix.wait_h:
        said.append(f"what can wait kept up to {mix.wait_h:g} h for idle capacity")
    beyond = " and finds none" if mix.wait_h else " and runs over" if mix.has_capacity else ""
    kinds = [(mix.uncached, " outside the prompt cache" * (mix.cached != mix.uncached)), (mix.cached, " within it")]
    for to, which in kinds[: 1 if mix.cached == mix.uncached else 2]:
        if to != mix.overflow:
            said.append(f"{to.tier} for the {deferrable:.0%} that can wait{which}{beyond}")
    rest = f"on-demand{THROUGH.get(mix.overflow.scope or '', '')} for the rest"
    return f"{', '.join(said)} and {rest}" if said else rest


def sentence(
    decision: Decision,
    baseline: Candidate,
    model_id: str,
    origin: Origin,
    days: float,
    deferrable: float,
    *,
    missed_slo: bool,
) -> str:
    """Answer in one sentence, with a range."""
    marked = f" (on {origin} traffic)" if origin.invented else ""
    if decision.word == "infeasible":
        why = "is within the SLO" if missed_slo else "that was asked for is on sale here (see what is not offered)"
        return f"No way of buying {model_id} {why}{marked}."
    if decision.word == "undecided":
        best = decision.cheapest
        name, cost = (phrase(best, deferrable), best.cost_usd_per_month) if best else ("capacity", 0.0)
        return (
            f"Undecided for {model_id}: {name} would cost {usd(cost)} a month against "
            f"{usd(baseline.cost_usd_per_month)} on demand if every hour were like these {length(days)}, "
            f"which do not show the nights and weekends; two weeks of traffic or a stated shape decide it{marked}."
        )
    chosen = decision.candidate
    if chosen is None:
        return f"No candidate for {model_id}{marked}."
    cost = chosen.cost_usd_per_month
    saved = baseline.cost_usd_per_month - cost
    against = ""
    if saved > 0.005 * baseline.cost_usd_per_month:
        against = f", {saved / baseline.cost_usd_per_month:.0%} below {usd(baseline.cost_usd_per_month)} on demand"
    elif chosen.purchase.option == "on-demand" and chosen.purchase.tier == "default":
        against = "; nothing known to be on sale is cheaper for this traffic"
    return f"For {model_id} buy {phrase(chosen, deferrable)}: {usd(cost)} a month ({span(chosen)}){against}{marked}."


def out_of_reach(headroom: Headroom | None) -> str:
    """Say what keeps an SLO out of reach and which is the nearest that is not."""
    if headroom is None or headroom.binding is None:
        return ""
    said = f" {headroom.binding.words[0].upper()}{headroom.binding.words[1:]}."
    if headroom.nearest is None:
        return said
    near = ", ".join(f"{name} <= {limit:g} s" for name, limit in headroom.nearest.slo.items())
    best, cost = headroom.nearest.candidate, usd(headroom.nearest.usd_per_month)
    return f"{said} The nearest within reach is {near}: {best}, {cost} a month."


def length(days: float) -> str:
    """Write a length of time.

    >>> length(14), length(13.9), length(1 / 24), length(1 / 1440)
    ('14 days', '13.9 days', '60 minutes', '1 minute')
    """
    for size, unit in ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute")):
        if days >= 2 * size or unit == "minute":
            count = f"{days / size:.1f}".removesuffix(".0")
            return f"{count} {unit}" + ("" if count == "1" else "s")
    return ""

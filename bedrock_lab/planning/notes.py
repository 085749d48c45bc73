"""What a reader of the plan should be told beside the answer, each a sentence."""

from collections.abc import Iterator

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import invocable, lifecycle
from bedrock_lab.catalogue.offers import offer
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning import answers, decide
from bedrock_lab.planning.backtest import Backtest
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.demand import DAY_S
from bedrock_lab.planning.market import Market
from bedrock_lab.rows import Rows


def outside(market: Market) -> str | None:
    """Name a cheaper scope that the plan may not use."""
    model, scopes, made = market.model, market.scopes, market.demand
    if model is None or not scopes.allowed:
        return None
    home = float(made.token_usd.get(("default", scopes.home or ""), made.on_demand_usd).sum())
    best: tuple[float, str] | None = None
    for scope in places.SCOPES:
        cost = made.token_usd.get(("default", scope))
        if scope in scopes.allowed or invocable(model.id).get(scope) == "no" or cost is None:
            continue
        saved = home - float(cost.sum())
        if saved > 0.001 * home and (best is None or saved > best[0]):
            best = (saved, scope)
    if best is None:
        return None
    usd = answers.usd(best[0] * made.per_month * market.scenario.volume * market.scenario.shape.mean)
    return f"scope {best[1]} would cost {usd} a month less; it is outside the allowed scopes (--allow-scopes)"


def unused(model: str | None, scope: str | None, rows: Rows) -> str | None:
    """Say that a model or a scope was given which no row needs."""
    called = {name for where in rows.targets for name in (where.model_id, where.scope)}
    missing = [given for given in (model, scope) if given and given not in called]
    if not missing:
        return None
    return f"every row names its own model: {' and '.join(missing)} is not used (--as-model reprices)"


def might(listed: list[Candidate], decision: decide.Decision) -> str | None:
    """Name what might be cheaper if what nobody publishes turned out well."""
    chosen = decision.candidate
    unknown = [c for c in listed if c.purchase.availability == "unknown"]
    if chosen is None or not unknown:
        return None
    best = min(unknown, key=lambda c: c.cost_usd_per_month)
    if best.cost_usd_per_month >= chosen.cost_usd_per_month:
        return None
    how = (
        "give --unit-input-tpm and --unit-output-tpm" if best.purchase.option == "provisioned" else "ask for its price"
    )
    return f"{best.name} might cost {answers.usd(best.cost_usd_per_month)} a month if what is assumed holds: {how}"


def short(market: Market) -> str | None:
    """Say what a short trace cannot show."""
    if not market.short:
        return None
    capacity = {"provisioned", "reserved"} & set(market.question.options)
    held = "; no capacity is recommended on it" if capacity else ""
    length = answers.length(market.demand.period_s / DAY_S)
    return (
        f"{length} of traffic do not show how weeks differ: no sampling interval{held} (two weeks, or --shape, would)"
    )


def risk(market: Market) -> str | None:
    """Say what choosing by the dearest tenth leaves out, and where it cannot be done."""
    if market.question.risk == "mean":
        return None
    if market.short:
        return "no resamples of so short a trace: --risk cvar90 chooses by the mean cost"
    return "chosen by the mean cost of the dearest tenth of the resamples; flips are searched for the mean cost alone"


def response_cache(market: Market) -> str | None:
    """Say what a response cache takes off every figure, on demand too."""
    scenario = market.scenario
    share = scenario.response_cache_share
    if not share:
        return None
    factor = scenario.growth * scenario.token_ratio * scenario.price * scenario.shape.mean
    usd = answers.usd(float(market.demand.on_demand_usd.sum()) * market.demand.per_month * factor * share)
    return (
        f"a response cache is taken to answer {share:.0%} of the requests: every figure, on demand too, leaves out the "
        f"{usd} a month they would cost on demand; what the store costs is not known here"
    )


def headroom(market: Market, decision: decide.Decision) -> Iterator[str]:
    """Say what holding the SLO by simulation made larger, and what of it is not simulated."""
    held, chosen = market.headroom, decision.candidate or decision.cheapest
    if held is None:
        return
    if chosen is not None:
        grown = next((each for each in held.tightened if each.to == chosen.name), None)
        if grown is not None:
            more = answers.usd((grown.to_usd_per_month or 0.0) - grown.usd_per_month)
            yield f"{grown.purchase} does not hold the SLO; {chosen.name}, {more} a month more, does"
        if chosen.predicted is None and held.slo:
            why = "units by the hour, waiting work in two places or a tier of unknown latency"
            yield f"whether {chosen.name} holds the SLO is not simulated ({why})"
    if market.scenario.volume != 1:
        yield "the SLO is held for the trace as it stands: growth and what else scales demand are not in it"
    if held.goal.quota:
        yield "flips are left out: under a quota each of their values would need simulations of its own"


def regime(tested: Backtest | None) -> str | None:
    """Say that demand changed its level within the trace."""
    if tested is None or not tested.regime.changed or tested.regime.at_s is None:
        return None
    day, ratio = tested.regime.at_s / DAY_S, tested.regime.ratio
    to = "" if ratio is None else f" to {ratio:.2f} of what it was"
    return f"demand changed its level on day {day:.0f}{to}: the plan takes all of it; plan what came since on its own"


def commitment(market: Market, listed: list[Candidate], decision: decide.Decision) -> Iterator[str]:
    """Say what a recommended commitment obliges to, and how it could turn out a loss."""
    chosen = decision.candidate
    if chosen is None or not chosen.purchase.months:
        return
    p = chosen.purchase
    total = answers.usd(p.fixed_usd_per_month * p.months)
    yield f"the commitment is {total} over {p.months} months, whatever the traffic; it renews by itself"
    free = [c for c in decide.eligible(listed) if not c.purchase.months]
    if free and chosen.saving_ci95 is not None:
        best = min(free, key=lambda c: c.cost_usd_per_month)
        saved = best.cost_usd_per_month - chosen.cost_usd_per_month
        if chosen.saving_ci95[0] <= 0:
            yield (
                f"the saving of {answers.usd(saved)} a month against {best.name} is not settled: "
                f"with 95 % it lies between {answers.usd(chosen.saving_ci95[0])} and "
                f"{answers.usd(chosen.saving_ci95[1])} against on-demand"
            )
    life = lifecycle(market.model.id, market.prices.as_of) if market.model else None
    if life and life.eol is None and life.eol_no_sooner_than and market.ends(p.term) > life.eol_no_sooner_than:
        yield f"the commitment passes {life.eol_no_sooner_than}, before which the model will not end; after it, it may"


def unlisted_units(market: Market, decision: decide.Decision) -> str | None:
    """Say that units were recommended for a model that no list sells them for."""
    chosen = decision.candidate
    if chosen is None or chosen.purchase.option != "provisioned" or market.model is None:
        return None
    sold = offer(market.prices, market.model.id, "provisioned", market.region, places.IN_REGION)
    if sold.availability != "no":
        return None
    return f"provisioned units for {market.model.id}: {sold.reason}; taken at your word"


def flat_tiers(rows: Rows, prices: Prices, listed: list[Candidate]) -> str | None:
    """Say that long prompts are priced flat in tiers for which no long-context price is published."""
    if not rows.single:
        return None
    for code, where in enumerate(rows.targets):
        prompts = sum(v[rows.codes == code] for b, v in rows.tokens.items() if b != "output")
        for tier in {c.purchase.tier for c in listed} - {"default", "reserved"}:
            spot = where.spot._replace(tier=tier)
            edges = prices.thresholds(spot.model, spot.scope, "default")
            if edges and not prices.thresholds(spot.model, spot.scope, tier) and bool((prompts > edges[0]).any()):
                above = f"{edges[0]:,} prompt tokens"
                return f"no price above {above} is published for tier {tier}: it may be dearer than shown"
    return None

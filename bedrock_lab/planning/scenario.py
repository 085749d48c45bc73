"""A scenario: values of what is not known, and what the windows of a demand weigh and cost under it."""

import dataclasses

import numpy as np

from bedrock_lab.planning.capacity import Load
from bedrock_lab.planning.demand import AS_RECORDED, UNCACHED, Demand, Shape
from bedrock_lab.planning.purchase import DEFERRED, Mix, Purchase
from bedrock_lab.pricing import Floats


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Values of what is not known, at which candidates are costed.

    Attributes
    ----------
    growth
        Demand against the trace's.
    token_ratio
        Tokens another tokenizer makes of the same text.
    unit_input_tpm, unit_output_tpm
        Throughput of one model unit [tokens/min].
    cache_reads_counted
        Share of cached tokens that bought capacity counts as input.
    extra_usd
        Relative addition to token costs from cache writes of unknown TTL.
    response_cache_share
        Share of requests that a response cache answers: they cost nothing here and load no capacity.
    token_price
        Token prices against the list's.
    ratios
        Price ratio to on-demand of tiers without a published price.
    """

    growth: float = 1.0
    token_ratio: float = 1.0
    deferrable: float = 0.0
    unit_input_tpm: float | None = None
    unit_output_tpm: float | None = None
    unit_price_factor: float = 1.0
    cache_reads_counted: float = 0.0
    extra_usd: float = 0.0
    response_cache_share: float = 0.0
    token_price: float = 1.0
    ratios: tuple[tuple[str, float], ...] = ()
    shape: Shape = AS_RECORDED

    @property
    def volume(self) -> float:
        """Factor on tokens and token costs."""
        return self.growth * self.token_ratio * (1 - self.response_cache_share)

    @property
    def price(self) -> float:
        """Factor on the price of every token."""
        return self.token_price * (1 + self.extra_usd)


def load_of(demand: Demand, scenario: Scenario, keep: slice | None = None, on_demand_usd: Floats | None = None) -> Load:
    """Windows under a scenario, each weighted by its share of the time its hours of the week hold.

    Their value is the on-demand cost at the baseline's scope, or the one given.
    """
    part = keep or slice(None)
    weights = scenario.shape.weights * scenario.volume
    reads = demand.cache_read_tpm[part] * scenario.cache_reads_counted
    value = demand.on_demand_usd if on_demand_usd is None else on_demand_usd
    usd = value[part] * scenario.price
    return Load(
        usd=np.outer(weights, usd).ravel(),
        input_tpm=np.outer(weights, demand.input_tpm[part] + reads).ravel(),
        output_tpm=np.outer(weights, demand.output_tpm[part]).ravel(),
        mass=np.repeat(scenario.shape.shares, len(usd)),
    )


def token_windows(demand: Demand, purchase: Purchase, scenario: Scenario) -> Floats:
    """Cost of each window when bought by the token, in the mean hour of the scenario's shape [USD per trace]."""
    base = demand.on_demand(purchase.scope)
    key = (purchase.tier, purchase.scope or "")
    usual = dict(scenario.ratios)
    if purchase.tier == "default":
        at_tier = base
    elif key in demand.token_usd:
        at_tier = demand.token_usd[key]
    else:
        like = demand.token_usd.get((UNCACHED, purchase.scope or ""), base) if purchase.tier == "batch" else base
        at_tier = like * usual[purchase.tier]
    if purchase.tier in DEFERRED:
        at_tier = (1 - scenario.deferrable) * base + scenario.deferrable * at_tier
    cost: Floats = at_tier * scenario.price * scenario.volume * scenario.shape.mean
    return cost


def class_windows(demand: Demand, mix: Mix, to: tuple[Purchase, Purchase] | None = None) -> tuple[Floats, Floats]:
    """Cost of each window's requests that read or write the prompt cache, and of the others, at two options [USD].

    The options are those given, else the mix's overflow for both.
    """
    apart, made = demand.uncached_usd, []
    for purchase, touching in zip(to or (mix.overflow, mix.overflow), (True, False), strict=True):
        key = (purchase.tier, purchase.scope or "")
        whole = demand.on_demand(purchase.scope) if purchase.tier == "default" else demand.token_usd[key]
        if apart is None:
            made.append(np.zeros(len(demand)) if touching else whole)
        else:
            made.append(whole - apart[key] if touching else apart[key])
    return made[0], made[1]


def outlet_parts(demand: Demand, mix: Mix, value: Floats) -> tuple[Floats, Floats]:
    """Cost of each window if all of it went where what can wait goes, by the two kinds of requests [USD].

    A window whose requests are cheaper on demand stays there. Requests that read or write the prompt cache go one way
    and the others another, each as an even share: a way for misses alone would leave the hits behind without what
    they read.
    """
    if mix.cached == mix.uncached == mix.overflow:
        return np.zeros(len(demand)), value
    stay, go = class_windows(demand, mix), class_windows(demand, mix, (mix.cached, mix.uncached))
    return np.minimum(stay[0], go[0]), np.minimum(stay[1], go[1])


def mixed_load(demand: Demand, scenario: Scenario, mix: Mix, keep: slice | None = None) -> Load:
    """Windows of a mix, as if each were two: what base capacity does not serve of them is the cost of the mix.

    With v the cost of a window on demand, o its cost where what can wait goes, and d the share that can, capacity that
    serves a share s, what cannot wait first, displaces ``(v - o) min(s, 1 - d) + o s``: that of a window of
    (1 - d) of its tokens worth (1 - d)(v - o), and of one of all of them worth o.
    """
    value = demand.on_demand(mix.overflow.scope)
    share = scenario.deferrable
    if not share:
        return load_of(demand, scenario, keep, value)
    outlet = sum(outlet_parts(demand, mix, value), np.zeros(len(demand)))
    first, rest = load_of(demand, scenario, keep, value - outlet), load_of(demand, scenario, keep, outlet)
    now = 1 - share
    return Load(
        usd=np.concatenate([first.usd * now, rest.usd]),
        input_tpm=np.concatenate([first.input_tpm * now, rest.input_tpm]),
        output_tpm=np.concatenate([first.output_tpm * now, rest.output_tpm]),
        mass=np.concatenate([first.mass, rest.mass]),
    )

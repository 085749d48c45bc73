"""Where the money goes: one app's share, how it grows by week, what could wait at the peak, units that stand idle."""

import math

import numpy as np

from bedrock_lab.advice.finding import Finding, Range
from bedrock_lab.advice.ground import LEAST_SHARE, WEEK_S, Ground
from bedrock_lab.catalogue.model import find, resolve
from bedrock_lab.catalogue.offers import offer, unit_prices
from bedrock_lab.catalogue.target import DEFAULT_REGION
from bedrock_lab.errors import LabError
from bedrock_lab.planning.demand import DAY_S
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats
from bedrock_lab.traffic.clock import MONTH_S

HOUR_S = 3_600.0
MOST_OF_IT = 0.5
"""An app is named from this share of the cost on."""
T_95 = 2.447
"""The 97.5th percentile of Student's t at 6 degrees of freedom: seven weekdays."""
IDLE = 0.25
"""Units are named from this share of idle hours on."""


def app_share(ground: Ground) -> list[Finding] | str:
    """Find the app that most of the cost is for."""
    apps = ground.coded("app")
    if not ground.parts:
        return ground.unpriced
    if apps is None:
        return "no row names its app (--app-key names it from a log's requestMetadata)"
    total, counts = ground.usd, ground.counts
    usd = np.bincount(apps.codes + 1, weights=ground.row_usd(), minlength=len(apps.names) + 1)[1:]
    requests = np.bincount(apps.codes + 1, weights=counts, minlength=len(apps.names) + 1)[1:]
    used = int((np.bincount(apps.codes + 1, minlength=len(apps.names) + 1)[1:] > 0).sum())
    place = int(usd.argmax())
    if used < 2 or usd[place] < MOST_OF_IT * total or total <= 0:
        return []
    largest, share, n = apps.names[place], float(usd[place]) / total, float(requests[place])
    of = float(counts.sum())
    return [
        Finding(
            id="app_share",
            about=largest,
            sentence=(
                f"{largest} makes {n / max(1.0, of):.0%} of the {ground.unit} and {share:.0%} of the cost, one of "
                f"{used} apps."
            ),
            usd_month=ground.month(float(usd[place])),
            means="cost",
            n=round(n),
            of=ground.unit,
            share=n / max(1.0, of),
            do=f"Look there first: bedrock-lab trace cost {ground.rows} --by app,model",
            figures={"cost_share": share, "apps": used, "no_app_usd": total - float(usd.sum())},
        )
    ]


def growth_by_week(ground: Ground) -> list[Finding] | str:
    """Find by how much the cost of a week grows or falls: the mean slope of seven weekdays, each with itself."""
    if not ground.parts:
        return ground.unpriced
    time = np.asarray(ground.trace.column("time_s"))
    weeks = int((ground.trace.span_s + (ground.trace.window_s or 60.0)) // WEEK_S)
    if weeks < 2:
        return f"{ground.trace.span_s / DAY_S:,.1f} days are no two weeks to compare"
    if (ground.trace.window_s or 0.0) > DAY_S:
        return "the rows are sums of more than a day"
    day = np.floor(time / DAY_S).astype(np.int64)
    daily = np.bincount(day, weights=ground.row_usd(), minlength=weeks * 7)[: weeks * 7].reshape(weeks, 7)
    if (daily <= 0).any():
        return "some days cost nothing, against which no growth can be told"
    slopes = np.polyfit(np.arange(weeks), np.log(daily), 1)[0] if weeks > 2 else np.log(daily[1] / daily[0])
    mean = float(slopes.mean())
    error = T_95 * float(slopes.std(ddof=1)) / math.sqrt(7)
    low, high = (math.expm1(mean + side * error) for side in (-1, 1))
    if low <= 0 <= high:
        return []
    month_of_weeks = MONTH_S / WEEK_S
    last = float(daily[-1].sum()) * month_of_weeks
    ahead = [(1 + rate) ** month_of_weeks for rate in (low, high)]
    usd = [last * (times - 1) for times in ahead]
    word = "grows" if mean > 0 else "falls"
    return [
        Finding(
            id="growth_by_week",
            sentence=(
                f"The cost of a week {word} by {abs(math.expm1(mean)):.1%} a week ({low:+.1%} to {high:+.1%}) over "
                f"{weeks} weeks; at this pace the bill of a month changes by so much in a month."
            ),
            usd_month=(usd[0], usd[1]),
            means="change",
            n=weeks,
            of="weeks",
            share=weeks * WEEK_S / max(weeks * WEEK_S, ground.trace.period_s),
            do=(
                "Plan for a month from now: bedrock-lab plan "
                f"{ground.rows} --assume growth={ahead[0]:.2f}..{ahead[1]:.2f}"
            ),
            figures={
                "weekly_growth": math.expm1(mean),
                "weekly_growth_ci95": [low, high],
                "weekly_usd": [float(each) for each in daily.sum(axis=1)],
                "basis": "mean slope of the logarithm of daily cost by weekday, t interval over the seven weekdays",
            },
        )
    ]


def deferrable_peak(ground: Ground) -> list[Finding] | str:
    """Find what the stated share, else the traffic above the mean hour, would cost in batch."""
    why = ground.unpriced or _no_peak(ground)
    if why:
        return why
    usd, saved, models = _batch(ground)
    stated = ground.deferrable is not None
    moved = np.full(len(usd), ground.deferrable) if stated else _above_the_mean(ground, usd)
    amount = float((saved * moved).sum())
    if amount <= LEAST_SHARE * ground.usd:
        return []
    most = ground.month(amount)
    share = float((usd * moved).sum()) / ground.usd
    return [_waiting(ground, most if stated else (0.0, most[1]), share, models)]


def _no_peak(ground: Ground) -> str:
    """Say why no peak can be seen; empty where it can, or where the share is stated."""
    if ground.deferrable is not None:
        return ""
    if ground.trace.period_s < DAY_S:
        return f"{ground.trace.period_s / HOUR_S:,.1f} hours show no peak of a day, and no --deferrable share is stated"
    return "windows of more than an hour show no peak" if (ground.trace.window_s or 0.0) > HOUR_S else ""


def _batch(ground: Ground) -> tuple[Floats, Floats, list[str]]:
    """Return cost and saving in batch of each row that is cheaper there [USD], and the models they call."""
    usd, saved, models = np.zeros(len(ground.trace)), np.zeros(len(ground.trace)), []
    for part in ground.parts:
        where, there = part.where, None
        sold = offer(ground.prices, where.model.id, "batch", where.region, where.scope).availability == "yes"
        if sold and where.tier == "default":
            there = part.at(ground.prices, tier="batch")
        if there is not None and float(there.sum()) < float(part.usd.sum()):
            usd[part.row], saved[part.row] = part.usd, part.usd - there
            models.append(where.model.id)
    return usd, saved, list(dict.fromkeys(models))


def _above_the_mean(ground: Ground, usd: Floats) -> Floats:
    """Share of each row's hour that lies above the mean hour."""
    hour = np.floor(np.asarray(ground.trace.column("time_s")) / HOUR_S).astype(np.int64)
    hours = max(int(hour[-1]) + 1, math.ceil(ground.trace.period_s / HOUR_S))
    by_hour = np.bincount(hour, weights=usd, minlength=hours)
    over = np.divide(by_hour - by_hour.mean(), by_hour, out=np.zeros(hours), where=by_hour > 0)
    return np.asarray(np.maximum(over, 0.0)[hour])


def _waiting(ground: Ground, usd: Range, share: float, models: list[str]) -> Finding:
    stated = ground.deferrable
    called = ", ".join(models)
    if stated is not None:
        sentence = f"As stated, {stated:.0%} of the requests can wait: in batch those of {called} cost about half."
    else:
        sentence = (
            f"In the hours above the mean, {share:.0%} of the cost is on-demand calls of {called} that batch would "
            "serve at about half. No row says which can wait: the range runs from none to all of that."
        )
    n = int(sum(ground.counts[part.row].sum() for part in ground.parts if part.where.model.id in models))
    return Finding(
        id="deferrable_peak",
        sentence=sentence,
        usd_month=usd,
        n=n,
        of=f"{ground.unit} whose model has a batch price",
        share=share,
        do=(
            "Name the share that can wait a day: bedrock-lab plan "
            f"{ground.rows} --deferrable {'SHARE' if stated is None else stated}"
        ),
        models=tuple(models),
        figures={"stated": stated is not None},
    )


def idle_units(ground: Ground) -> list[Finding] | str:
    """Find hours in which provisioned units served nothing."""
    trace = ground.trace
    bought = np.flatnonzero(ground.where("tier", "provisioned"))
    if not len(bought):
        return "no row says that provisioned units served it"
    if trace.period_s < DAY_S or (trace.window_s or 0.0) > HOUR_S:
        return "a day by the hour is the least in which idle hours can be told"
    models, regions = ground.coded("model"), ground.coded("region")
    hour = np.floor(np.asarray(trace.column("time_s")) / HOUR_S).astype(np.int64)
    hours = math.ceil(trace.period_s / HOUR_S)
    found = []
    for name, places in [("", np.arange(len(bought)))] if models is None else models.groups(bought):
        mine = bought[places]
        idle = 1 - len(set(hour[mine].tolist())) / hours
        if idle < IDLE:
            continue
        region = DEFAULT_REGION if regions is None else next(regions.groups(mine))[0] or DEFAULT_REGION
        usd = _idle_usd(ground, name, region, idle)
        n = int(ground.counts[mine].sum())
        found.append(
            Finding(
                id="idle_units",
                about=name,
                sentence=(
                    f"Provisioned units{f' of {name}' if name else ''} served nothing in {idle:.0%} of {hours:,} "
                    "hours; the amount is for each unit, whatever its term."
                ),
                usd_month=usd,
                no_usd="" if usd else "no unit price is published for it",
                means="cost",
                n=n,
                of="requests on provisioned units",
                share=n / max(1.0, float(ground.counts.sum())),
                do="See which units those are: bedrock-lab provisioned waste --days 14",
                figures={"idle_share": idle, "hours": hours},
            )
        )
    return found


def _idle_usd(ground: Ground, name: str, region: str, idle: float) -> Range | None:
    """Return what the idle hours of a unit cost over the terms sold [USD/month]; None where nobody says."""
    try:
        model = resolve(name).model.id if name else ""
        sold = unit_prices(ground.prices, find(model).id, region)
    except LabError:
        return None
    each = [idle * HOURS_PER_MONTH * float(price.usd_per_hour) for price in sold.values()]
    return (min(each), max(each)) if each else None

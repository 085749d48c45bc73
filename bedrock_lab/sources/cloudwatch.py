"""Traffic from CloudWatch: the AWS/Bedrock metrics of every model and profile, as a Trace of windows."""

import itertools
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.client.metric_data import COARSE_S, FINE_DAYS, NAMESPACE
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.quote import plain
from bedrock_lab.sources.metric_models import called_of, label, opaque_id
from bedrock_lab.sources.metric_reading import Asked, CloudWatch, Values, asked, read
from bedrock_lab.sources.metric_windows import Floats, Part, columns_of, parts_of
from bedrock_lab.traffic.clock import iso_utc
from bedrock_lab.traffic.trace import Skipped, Trace, make_trace

MOST_USD = Decimal(1)
EXPRESSED = ("input", "cache_read", "cache_write_unknown", "output")
NOTES = (
    "a window without a value of a metric holds none of it; the first and the last window asked for are rows",
    "requests are samples of InputTokenCount, failed ones client and server errors; throttles count every SDK attempt",
    "calls to an inference profile are taken to be counted under the profile alone",
)

Say = Callable[[str], None]


def to_stderr(line: str) -> None:
    """Print what must be read before something bills."""
    print(f"bedrock-lab: {line}", file=sys.stderr)  # noqa: T201 - what bills is shown first


def now_utc() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def dry_run(
    days: float = FINE_DAYS, *, models: Iterable[str] = (), clock: Callable[[], datetime] = now_utc, **arguments: Any
) -> Asked:
    """Say what `from_cloudwatch` would read and what that costs; only ListMetrics is called."""
    watch = CloudWatch(**arguments)
    try:
        return asked(watch, clock(), days, models)
    finally:
        watch.close()


def from_cloudwatch(
    days: float = FINE_DAYS,
    *,
    models: Iterable[str] = (),
    resolve: bool = False,
    identities: bool = False,
    max_spend_usd: Decimal | float | str = MOST_USD,
    show: Say = to_stderr,
    clock: Callable[[], datetime] = now_utc,
    **arguments: Any,
) -> Trace:
    """Read the metrics of every model and profile as a Trace of windows; nothing is written or switched on.

    Parameters
    ----------
    days
        How far to look back: by minutes up to 15 days, else by five minutes, at most 63.
    models
        Model or profile ids to read beside those CloudWatch lists.
    resolve
        Ask the control plane which model an application profile or a provisioned unit serves.
    identities
        Whether ids of application profiles stay as they are in the column app; else they are hashed.
    max_spend_usd
        The most that reading may cost [USD].
    show
        Takes each line that must be read before something bills; unset, stderr.
    arguments
        ``region_name``, ``endpoint_url``, ``profile_name`` and others of boto3's client; ``sleep``.

    Returns
    -------
    Trace
        One row a window, model, tier and outcome. Models that could not be read are in `Trace.skipped`.

    Raises
    ------
    InputError
        No metrics, no credentials or no right to read them; or it would cost more than `max_spend_usd`.
    LabError
        CloudWatch does not answer.
    """
    cap = cap_of(max_spend_usd)
    watch = CloudWatch(**arguments)
    try:
        found = asked(watch, clock(), days, models)
        show(str(found))
        if found.plan.usd > cap:
            raise InputError(
                f"--max-spend-usd {plain(cap)}: reading costs {plain(found.plan.usd)} USD; allowed is that or more"
            )
        values, skipped = read(watch, found)
        if not any(len(points) for each in values for points in each.values()):
            raise InputError(f"no calls of Bedrock in {watch.region} in the last {days:g} d: every metric is empty")
        return _trace(watch, found, values, skipped, resolve=resolve, identities=identities, days=days)
    finally:
        watch.close()


def cap_of(value: Decimal | float | str) -> Decimal:
    """Read the most that reading may cost [USD]."""
    try:
        cap = Decimal(str(value))
    except ArithmeticError:
        cap = Decimal("NaN")
    if cap.is_nan() or cap < 0:
        raise InputError(f"--max-spend-usd {value}: an amount of 0 USD or more is allowed")
    return cap


def _trace(
    watch: CloudWatch,
    found: Asked,
    values: list[Values],
    missing: dict[str, str],
    *,
    resolve: bool,
    identities: bool,
    days: float,
) -> Trace:
    points, step = found.plan.points, found.plan.period_s
    ids = list(dict.fromkeys(one.model_id for one in found.series))
    kept = [model_id for model_id in ids if model_id not in missing]
    called, notes = called_of(kept, watch.region, watch.control if resolve else None, identities=identities)
    pairs = zip(found.series, values, strict=True)
    parts: list[Part] = []
    for model_id, group in itertools.groupby(pairs, key=lambda pair: pair[0].model_id):
        if model_id in missing:
            continue
        filled = [(series, {q: _by_window(cells, points) for q, cells in each.items()}) for series, each in group]
        parts += parts_of(called[model_id], filled, points)
    if not parts:
        raise LabError(f"CloudWatch: none of {len(ids)} models could be read ({next(iter(missing.values()), 'empty')})")
    if missing:
        notes = [f"partial: {len(missing)} of {len(ids)} models and profiles could not be read and are missing", *notes]
    if step == COARSE_S:
        notes.append(
            f"by five minutes: beyond {FINE_DAYS} days CloudWatch keeps no minutes; models not called in the past "
            "two weeks are not listed"
        )
    return make_trace(
        columns_of(parts, step, watch.region, points),
        origin=Origin.LOG,
        source=f"CloudWatch {NAMESPACE}, {watch.region}, {days:g} d",
        format="cloudwatch",
        kind="windows",
        window_s=float(step),
        start_time=iso_utc(int(found.plan.start.timestamp()) * 10**9),
        expresses=EXPRESSED,
        skipped=[
            Skipped(file=_shown(m, identities), line=None, reason=f"metrics not read ({why})")
            for m, why in missing.items()
        ],
        notes=(*notes, *NOTES),
    )


def _by_window(cells: dict[int, float], points: int) -> Floats:
    out = np.full(points, np.nan)
    for window, value in cells.items():
        if 0 <= window < points:
            out[window] = value
    return out


def _shown(model_id: str, identities: bool) -> str:
    return model_id if identities or not opaque_id(model_id) else label(model_id)

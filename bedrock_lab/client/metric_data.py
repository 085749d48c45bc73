"""What reading CloudWatch takes: how far back it keeps metrics, limits and price of GetMetricData, its pages."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.errors import LabError

NAMESPACE = "AWS/Bedrock"
USD_PER_METRIC = Decimal("0.00001")
"""GetMetricData: 0.01 USD per 1,000 metrics asked for, as third parties quote CloudWatch's price list (2026)."""

PRICE_OF_A_METRIC = Assumption(
    name="usd_per_metric",
    value=float(USD_PER_METRIC),
    kind=Kind.CLAIMED,
    source="GetMetricData: 0.01 USD per 1,000 metrics, as third parties quote CloudWatch's price list (2026)",
    unit="USD",
)

MOST_POINTS, MOST_QUERIES = 100_800, 500
"""Limits of one GetMetricData call."""

MINUTE_S, COARSE_S = 60, 300
FINE_DAYS, MOST_DAYS = 15, 63
"""How long CloudWatch keeps minutes, and five minutes [days]."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is going to be asked of CloudWatch, and its price at the most.

    Attributes
    ----------
    period_s
        Width of a point [s].
    """

    start: datetime
    end: datetime
    period_s: int
    metrics: int
    calls: int

    @property
    def usd(self) -> Decimal:
        """Price of it [USD]."""
        return self.metrics * USD_PER_METRIC

    @property
    def points(self) -> int:
        """Points of one metric."""
        return math.ceil((self.end - self.start).total_seconds() / self.period_s)

    @property
    def a_call(self) -> int:
        """Metrics that one call may ask for, so that none is asked for twice because its points need a second page."""
        return max(1, min(MOST_QUERIES, MOST_POINTS // self.points))


def laid_out(metrics: int, now: datetime, days: float) -> Reading:
    """Lay out the calls that read some metrics of the last days: minutes while CloudWatch keeps them.

    >>> r = laid_out(30, datetime(2026, 11, 25, tzinfo=UTC), 15)
    >>> r.points, r.a_call, r.calls, r.usd
    (21600, 4, 8, Decimal('0.00030'))
    """
    period_s = MINUTE_S if days <= FINE_DAYS else COARSE_S
    end_s = math.ceil(now.timestamp() / period_s) * period_s
    end = datetime.fromtimestamp(end_s, UTC)
    start = end - timedelta(seconds=math.ceil(days * 86_400 / period_s) * period_s)
    found = Reading(start=start, end=end, period_s=period_s, metrics=metrics, calls=0)
    return dataclasses.replace(found, calls=-(-metrics // found.a_call))


def paged(call: Callable[..., Any], **request: Any) -> Iterator[dict[str, Any]]:
    """Make a call for each page there is.

    Raises
    ------
    LabError
        A page names itself as the next one.
    """
    token: str | None = None
    while True:
        page: dict[str, Any] = call(**request, **({} if token is None else {"NextToken": token}))
        yield page
        following = page.get("NextToken")
        if not following:
            return
        if following == token:
            raise LabError("CloudWatch: a page names itself as the next one; read again later")
        token = following

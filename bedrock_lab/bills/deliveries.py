"""How deliveries of the invocation log went, hour by hour: evidence for traffic that the log does not hold."""

import dataclasses
from collections.abc import Mapping

from bedrock_lab.bills.cells import HOUR_NS, At, Grain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Deliveries that failed and that arrived, by Region and hour since 1970.

    One may hold any number of calls, so that a failure says that calls are missing and not how many.
    """

    source: str
    failed: Mapping[tuple[str, int], int]
    sent: Mapping[tuple[str, int], int]

    def evidence(self, at: At, grain: Grain) -> str:
        """Say what is counted in a span; empty where it cannot be told."""
        if grain.ns is None or at.period is None:
            return ""
        each = grain.ns // HOUR_NS
        hours = [(at.place.region, hour) for hour in range(at.period * each, (at.period + 1) * each)]
        failed = sum(self.failed.get(hour, 0) for hour in hours)
        sent = sum(self.sent.get(hour, 0) for hour in hours)
        if failed:
            return f"{failed:,} of {failed + sent:,} deliveries failed by CloudWatch"
        return f"CloudWatch counts {sent:,} deliveries and no failed one"

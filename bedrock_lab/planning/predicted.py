"""Latencies of a purchase as simulated, and whether they keep an SLO."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Assumption
from bedrock_lab.predict.sim_result import verdict


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Latencies of a purchase as simulated.

    Attributes
    ----------
    percentiles
        By the SLO's words, ``ttft_p95``: value and interval [s]; infinite where the percentile is of requests that
        nobody serves, None where nothing says it.
    unserved_share
        Share of the requests that cannot wait which nobody serves.
    decides
        Whether the latencies are evidence.
    """

    percentiles: Mapping[str, tuple[float | None, float | None, float | None]]
    unserved_share: float
    decides: bool
    assumptions: tuple[Assumption, ...] = ()

    def met(self, slo: Mapping[str, float]) -> bool | None:
        """Whether every limit is kept; None where something is not decided and nothing is missed."""
        found = [verdict(limit, *self.percentiles[name][1:], decides=self.decides) for name, limit in slo.items()]
        if any(each is False for each in found):
            return False
        return True if found and all(found) else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is endless or not known is null, and `unserved_share` tells them apart."""
        out: dict[str, Any] = {}
        for name, each in self.percentiles.items():
            value, lo, hi = (None if v is None or math.isinf(v) else v for v in each)
            out[name] = {"value": value, "lo": lo, "hi": hi}
        return {**out, "unserved_share": self.unserved_share, "decides": self.decides}

"""Published latencies as a law to draw from, where nobody has measured any."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.predict.latency_prior import Z90, Published

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class PublishedLaw:
    """Published figures of a model: a lognormal time to the first token, then output at a constant pace.

    They are nobody's measurement of this service, so that they decide no SLO.
    """

    name: str
    prior: Published
    by_concurrency = False
    kind = "published"

    def draw(
        self, rng: np.random.Generator, input_tokens: Floats, output_tokens: Floats, concurrency: Floats
    ) -> tuple[Floats, Floats]:
        """Return time to first token and end-to-end time of each request [s].

        >>> spread = {"ttft_lo_s": 1.0, "ttft_hi_s": 2.0, "p90_over_p50": (2.6, 2.3, 2.6)}
        >>> prior = Published(ttft_s=1.1, **spread, otps=48.4, sources=())
        >>> outputs = np.full(100_000, 485.0)
        >>> ttft, e2e = PublishedLaw("a model", prior).draw(np.random.default_rng(0), outputs, outputs, outputs)
        >>> np.round(np.quantile(ttft, [0.5, 0.9]), 1).tolist(), float(np.round((e2e - ttft).max(), 6))
        ([1.1, 2.9], 10.0)
        """
        del concurrency
        sigma = math.log(self.prior.p90_over_p50[0]) / Z90
        ttft: Floats = self.prior.ttft_s * np.exp(sigma * rng.standard_normal(len(input_tokens)))
        return ttft, ttft + np.maximum(0.0, output_tokens - 1) / (self.prior.otps or math.inf)

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Return what it takes for granted, with its range."""
        source = ", ".join(self.prior.sources)
        value, lo, hi = self.prior.p90_over_p50
        return (
            self.prior.assumed(self.name),
            Assumption(
                name=f"published_ttft_p90_over_p50 {self.name}", value=value, lo=lo, hi=hi, kind=Kind.PUBLISHED,
                source=source,
            ),
            Assumption(
                name=f"published_otps {self.name}", value=self.prior.otps or 0.0, kind=Kind.PUBLISHED, source=source,
                unit="tokens/s",
            ),
        )  # fmt: skip

"""`Record`: one request as it was measured."""

import dataclasses
from decimal import Decimal
from typing import Any, Protocol

from bedrock_lab.quote import Line

OK, THROTTLED, FAILED = "ok", "throttled", "failed"
OPTIMIZED = "optimized"

TOKENS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_30m_tokens",
    "cache_write_1h_tokens",
    "cache_write_unknown_tokens",
    "output_tokens",
)
"""The token buckets of a record, in the order of a Trace's columns."""


class Lines(Protocol):
    """What can say how a record's cost comes about."""

    def lines(self, record: "Record") -> tuple[Line, ...]:
        """Return the exact lines of a record's cost."""
        ...


def outcome_of(code: str) -> str:
    """Tell a throttled call from a failed one by its error code.

    Shared capacity (503) is not the caller's quota: it is a failure.

    >>> outcome_of("ThrottlingException"), outcome_of("throttlingException"), outcome_of("ServiceUnavailableException")
    ('throttled', 'throttled', 'failed')
    """
    return THROTTLED if "throttl" in code.lower() or code == "TooManyRequestsException" else FAILED


@dataclasses.dataclass(slots=True, kw_only=True)
class Record:
    """One request as it was measured; null where unknown.

    Attributes
    ----------
    operation
        Converse, ConverseStream, InvokeModel or InvokeModelWithResponseStream.
    model_id, model, scope, region
        The id as asked, and what the catalogue makes of it (null for what it does not know).
    tier, latency
        Service tier and latency mode as asked; `tier_served` and `latency_served` as answered.
    outcome
        ok, throttled or failed; a record is failed until its answer is whole.
    error_code
        AWS's code, or the name of what broke the connection; never a message.
    started_at
        Wall clock of the first send [s since 1970].
    intended_s, sent_s, last_attempt_s, first_delta_s, first_text_s, last_delta_s, done_s
        Monotonic stamps: when the call was meant to start, first sent, last sent again, answered first (any content,
        text), answered last, and over [s].
    server_latency_s
        Converse's ``metrics.latencyMs`` [s].
    cost_usd
        Cost of the answer [USD]; null where usage or price is unknown.
    cost_bound_usd
        The most the call can have cost [USD]: equal to the cost where nothing is unknown.
    cost_note
        Why there is no cost, or why it is zero.
    cache
        How the response cache took part: hit, wait (for a call under way), miss, bypass (not cached); null without one.
    usd_saved
        What the answer of a hit cost when it was paid for [USD].
    route
        Why a router sent the call to this model.
    content
        Text of the answer, only where it is asked to be kept.
    """

    operation: str
    model_id: str
    model: str | None = None
    scope: str | None = None
    region: str | None = None
    tier: str = "default"
    tier_served: str | None = None
    latency: str = "standard"
    latency_served: str | None = None
    request_id: str | None = None
    app: str | None = None
    max_tokens: int | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_30m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    cache_write_unknown_tokens: int | None = None
    output_tokens: int | None = None
    stop_reason: str | None = None
    outcome: str = FAILED
    error_code: str | None = None
    attempts: int = 0
    started_at: float | None = None
    intended_s: float | None = None
    sent_s: float | None = None
    last_attempt_s: float | None = None
    first_delta_s: float | None = None
    first_text_s: float | None = None
    last_delta_s: float | None = None
    done_s: float | None = None
    server_latency_s: float | None = None
    cost_usd: Decimal | None = None
    cost_bound_usd: Decimal | None = None
    cost_note: str | None = None
    cache: str | None = None
    usd_saved: Decimal | None = None
    route: str | None = None
    content: str | None = dataclasses.field(default=None, repr=False)
    tariff: Lines | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def price_tier(self) -> str:
        """Tier whose prices hold: as served where the answer says so, else as asked."""
        if (self.latency_served or self.latency) == OPTIMIZED:
            return "latency-optimized"
        return self.tier_served or self.tier

    @property
    def cost_lines(self) -> tuple[Line, ...]:
        """Exact lines of the cost, one a bucket; none where there is no cost by the token."""
        return () if self.tariff is None or self.cost_usd is None else self.tariff.lines(self)

    @property
    def retry_wait_s(self) -> float | None:
        """Time from the first send to the start of the last attempt [s]."""
        if self.outcome != OK or self.sent_s is None or self.last_attempt_s is None:
            return None
        return self.last_attempt_s - self.sent_s

    @property
    def send_lag_s(self) -> float | None:
        """How long after the intended time the first attempt left [s]."""
        if self.outcome != OK or self.sent_s is None or self.intended_s is None:
            return None
        return self.sent_s - self.intended_s

    def _after(self, stamp: float | None) -> float | None:
        """Time from the intended start to a stamp, without what retries took [s]."""
        waited = self.retry_wait_s
        if waited is None or stamp is None or self.intended_s is None:
            return None
        return stamp - self.intended_s - waited

    @property
    def ttft_s(self) -> float | None:
        """Time to the first delta with content of any kind [s]; null for a whole answer."""
        return self._after(self.first_delta_s)

    @property
    def ttft_text_s(self) -> float | None:
        """Time to the first delta of text [s]."""
        return self._after(self.first_text_s)

    @property
    def e2e_s(self) -> float | None:
        """Time to the last content [s]."""
        return self._after(self.last_delta_s)

    @property
    def tpot_s(self) -> float | None:
        """Time per output token after the first [s]; null for an output of one token or none."""
        first, last = self.first_delta_s, self.last_delta_s
        if self.outcome != OK or first is None or last is None or self.output_tokens is None or self.output_tokens <= 1:
            return None
        return (last - first) / (self.output_tokens - 1)

    def to_row(self, since: float = 0.0) -> dict[str, Any]:
        """Return the columns of a Trace.

        Parameters
        ----------
        since
            Wall clock of the first arrival [s since 1970]; with 0 the row's time is the wall clock itself.
        """
        return {
            "time_s": None if self.started_at is None else self.started_at - since,
            "model": self.model or self.model_id,
            "scope": self.scope,
            "region": self.region,
            "app": self.app,
            "operation": self.operation,
            "tier": self.price_tier,
            **{name: getattr(self, name) for name in TOKENS},
            "max_tokens": self.max_tokens,
            "outcome": self.outcome,
            "error_code": self.error_code,
            "ttft_s": self.ttft_s,
            "ttft_text_s": self.ttft_text_s,
            "e2e_s": self.e2e_s,
            "server_latency_s": self.server_latency_s,
            "intended_s": self.intended_s,
            "sent_s": self.sent_s,
            "send_lag_s": self.send_lag_s,
            "retry_wait_s": self.retry_wait_s,
            "attempts": self.attempts,
            "request_id": self.request_id,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the row, what the row leaves out, and money as numbers."""
        return {
            **self.to_row(),
            "model_id": self.model_id,
            "tier_asked": self.tier,
            "tier_served": self.tier_served,
            "latency_asked": self.latency,
            "latency_served": self.latency_served,
            "stop_reason": self.stop_reason,
            "tpot_s": self.tpot_s,
            "cost_usd": None if self.cost_usd is None else float(self.cost_usd),
            "cost_bound_usd": None if self.cost_bound_usd is None else float(self.cost_bound_usd),
            "cost_note": self.cost_note,
            "cache": self.cache,
            "usd_saved": None if self.usd_saved is None else float(self.usd_saved),
            **({} if self.route is None else {"route": self.route}),
            **({} if self.content is None else {"content": self.content}),
        }

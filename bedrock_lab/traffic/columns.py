"""The columns of a Trace: their names, their order and what they hold."""

from bedrock_lab.traffic.usage import BUCKETS

TOKEN_COLUMNS = tuple(f"{bucket}_tokens" for bucket in BUCKETS)
"""One column a token bucket, in the order of `BUCKETS`."""

PERCENTILES = tuple(f"{name}_{p}_s" for name in ("server_latency", "ttft") for p in ("p50", "p90", "p99"))
"""Columns of a Trace of windows: percentiles of a model's calls in the window, all tiers together [s]."""

COLUMNS: dict[str, str] = {
    "time_s": "number",
    "window_s": "number",
    "requests": "count",
    "model": "text",
    "scope": "text",
    "region": "text",
    "account": "text",
    "app": "text",
    "operation": "text",
    "tier": "text",
    **dict.fromkeys(TOKEN_COLUMNS, "count"),
    "max_tokens": "count",
    "outcome": "text",
    "error_code": "text",
    "ttft_s": "number",
    "ttft_text_s": "number",
    "e2e_s": "number",
    "server_latency_s": "number",
    **dict.fromkeys(PERCENTILES, "number"),
    "intended_s": "number",
    "sent_s": "number",
    "send_lag_s": "number",
    "retry_wait_s": "number",
    "attempts": "count",
    "request_id": "id",
}
"""Every column a Trace may have, in order: number (float64), count (int64), text (coded) or id (plain text).

`window_s`, `requests` and `PERCENTILES` belong to a Trace of windows; `intended_s` to `attempts` to one that was
measured.
"""

GROUPING = ("model", "scope", "region", "account", "app", "operation", "tier")
"""The columns by which rows are grouped."""

OUTCOMES = ("ok", "throttled", "failed")
"""What `outcome` may hold."""

"""Measure reading invocation logs: CPU time beside gzip and json, and beside unpacking alone, the limit.

Files of 20,000 records of about 1.5 KB; the sides in turns, medians of ratios within a round.
"""

import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDS = 20_000
FILES = 4
ROUNDS = 3


def record(n: int) -> dict[str, Any]:
    """Make a record of about 1.5 KB."""
    text = f"Question {n}: what does a model unit of provisioned throughput carry, and for whom does it pay? " * 5
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": f"2026-11-02T{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z",
        "accountId": "123456789012",
        "region": "us-east-1",
        "requestId": f"00000000-0000-0000-0000-{n:012d}",
        "operation": "Converse",
        "modelId": "us.anthropic.claude-sonnet-4-6" if n % 3 else "amazon.nova-lite-v1:0",
        "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/role/session"},
        "requestMetadata": {"team": f"team-{n % 7}"},
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": 100 + n % 900,
            "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": text}]}]},
        },
        "output": {
            "outputContentType": "application/json",
            "outputTokenCount": 50 + n % 400,
            "outputBodyJson": {
                "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
                "usage": {"inputTokens": 100 + n % 900, "outputTokens": 50 + n % 400},
                "metrics": {"latencyMs": 900 + n % 500},
            },
        },
    }


def by_json(paths: list[Path]) -> int:
    """Take five columns by gzip and json."""
    rows = []
    for path in paths:
        with gzip.open(path, "rb") as file:
            for line in file:
                held = json.loads(line)
                rows.append(
                    (
                        held["timestamp"],
                        held["modelId"],
                        held["input"]["inputTokenCount"],
                        held["output"]["outputTokenCount"],
                        held.get("errorCode"),
                    )
                )
    return len(rows)


def unpacked(paths: list[Path]) -> int:
    """Unpack alone."""
    from bedrock_lab.traffic.readers.files import load

    return sum(len(load(path)) for path in paths)


def ours(folder: Path) -> int:
    """Read the whole trace."""
    from bedrock_lab.traffic.reading import read_trace

    return len(read_trace(folder))


def cpu_s(work: Callable[[], int]) -> float:
    """Return the CPU time of a call [s]."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    """Print the ratios."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = []
        for f in range(FILES):
            lines = b"".join(json.dumps(record(f * RECORDS + n)).encode() + b"\n" for n in range(RECORDS))
            paths.append(folder / f"{f}.json.gz")
            paths[-1].write_bytes(gzip.compress(lines, 6))
        assert ours(folder) == by_json(paths) == FILES * RECORDS
        rounds = [(cpu_s(lambda: by_json(paths)), cpu_s(lambda: ours(folder)), cpu_s(lambda: unpacked(paths)))
                  for _ in range(ROUNDS)]  # fmt: skip
        full = statistics.median(us / peer for peer, us, _ in rounds)
        limit = statistics.median(low / us for _, us, low in rounds)
        print(f"the whole trace of {FILES * RECORDS:,} records: {full:.2f} of gzip + json (aim <= 0.40)")
        print(f"unpacking alone is {limit:.2f} of it (aim >= 0.40)")
        print(f"{FILES * RECORDS / statistics.median(us for _, us, _ in rounds):,.0f} records a CPU second")


if __name__ == "__main__":
    main()

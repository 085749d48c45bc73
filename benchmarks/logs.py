"""Measure reading invocation logs: CPU time beside gzip and json, and beside unpacking alone, the limit.

Files of 20,000 records of about 1.6 KB, their texts of words drawn by Zipf's law (a text repeated would unpack in no
time); the sides in turns, medians of ratios within a round.
"""

import gzip
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDS = 20_000
FILES = 4
ROUNDS = 5


DRAWN = random.Random(1)
WORDS = ["".join(DRAWN.choices("etaoinshrdlucmfwypvbgkjqxz", k=DRAWN.randint(2, 9))) for _ in range(8_000)]
OFTEN = list(itertools.accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))


def text() -> str:
    """Make a text of about 400 characters."""
    return " ".join(DRAWN.choices(WORDS, cum_weights=OFTEN, k=62))


def record(n: int) -> dict[str, Any]:
    """Make a record of about 1.6 KB."""
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": f"2026-11-0{2 + n // 86_400}T{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z",
        "accountId": "123456789012",
        "region": "us-east-1",
        "requestId": str(uuid.UUID(int=DRAWN.getrandbits(128))),
        "operation": "Converse",
        "modelId": "us.anthropic.claude-sonnet-4-6" if n % 3 else "amazon.nova-lite-v1:0",
        "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/role/session"},
        "requestMetadata": {"team": f"team-{n % 7}"},
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": 100 + n % 900,
            "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": text()}]}]},
        },
        "output": {
            "outputContentType": "application/json",
            "outputTokenCount": 50 + n % 400,
            "outputBodyJson": {
                "output": {"message": {"role": "assistant", "content": [{"text": text()}]}},
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
    """Unpack alone, piece by piece as the reader does."""
    from bedrock_lab.traffic.readers.files import load, pieces

    return sum(len(piece) for path in paths for piece in pieces(str(path), load(path)))


def ours(folder: Path) -> int:
    """Read the whole trace."""
    from bedrock_lab.traffic.reading import read_trace

    return len(read_trace(folder))


def copied(folder: Path) -> int:
    """Write the trace to disk, part by part, all parts anew."""
    from bedrock_lab.sources.log_copy import copy_logs

    with tempfile.TemporaryDirectory() as place:
        return copy_logs(folder, Path(place) / "calls.parquet").rows


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
        total = FILES * RECORDS
        assert ours(folder) == copied(folder) == by_json(paths) == total
        assert unpacked(paths) == sum(len(gzip.decompress(path.read_bytes())) for path in paths)
        sides = (lambda: by_json(paths), lambda: ours(folder), lambda: unpacked(paths), lambda: copied(folder))
        rounds = [tuple(cpu_s(side) for side in sides) for _ in range(ROUNDS)]
        json_s, trace_s, unpack_s, copy_s = (min(side) for side in zip(*rounds, strict=True))
        full = statistics.median(us / peer for peer, us, _, _ in rounds)
        limit = statistics.median(low / us for _, us, low, _ in rounds)
        copy = statistics.median(us / peer for peer, _, _, us in rounds)
        print(f"the whole trace of {total:,} records: {full:.2f} of gzip + json (aim <= 0.40)")
        print(f"unpacking alone is {limit:.2f} of it (aim >= 0.40)")
        print(f"copy_logs, to disk part by part: {copy:.2f} of gzip + json")
        bests = {"gzip + json": json_s, "trace": trace_s, "unpacking": unpack_s, "copy_logs": copy_s}
        micro = ", ".join(f"{name} {1e6 * best / total:.1f}" for name, best in bests.items())
        print(f"us of CPU a record, best of {ROUNDS}: {micro}")


if __name__ == "__main__":
    main()

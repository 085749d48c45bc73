"""Measure the response cache: a hit beside diskcache and litellm, a million entries, and a purge beside readers.

Times of a hit are CPU time of the thread, median of single calls. Peers run in their own environments (`make peers`),
where they are there; each is said to be absent otherwise.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = 1_000_000
CALLS = 5_000
TEXT = "What does a model unit of provisioned throughput carry, and for whom does it pay? " * 12
REQUEST: dict[str, Any] = {
    "modelId": "us.anthropic.claude-sonnet-4-6",
    "messages": [{"role": "user", "content": [{"text": TEXT}]}],
    "system": [{"text": "Be short."}],
    "inferenceConfig": {"maxTokens": 300, "temperature": 0.2},
}
ANSWER: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "It carries what nobody publishes. " * 12}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 250, "outputTokens": 90, "totalTokens": 340},
    "metrics": {"latencyMs": 900},
}

TIMING = """
import time, statistics
def median_us(work, calls):
    for _ in range(calls // 10): work()
    taken = []
    for _ in range(calls):
        begun = time.thread_time_ns(); work(); taken.append(time.thread_time_ns() - begun)
    return statistics.median(taken) / 1000
"""
DISKCACHE = """
import diskcache, hashlib, json, sys
request, answer, folder, calls = json.loads(sys.stdin.read())
cache = diskcache.Cache(folder)
key = lambda: hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
cache.set(key(), json.dumps(answer), expire=3600)
print(median_us(lambda: json.loads(cache.get(key())), calls))
"""
LITELLM = """
import json, sys
request, answer, folder, calls = json.loads(sys.stdin.read())
import litellm
from litellm.caching.caching import Cache
cache = Cache(type=KIND, **ARGUMENTS)
text = request["messages"][0]["content"][0]["text"]
messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}]
asked = {"model": request["modelId"], "messages": messages, "max_tokens": 300, "temperature": 0.2}
cache.add_cache(json.dumps(answer), **asked)
assert cache.get_cache(**asked) is not None
print(median_us(lambda: cache.get_cache(**asked), calls))
"""


def median_us(work: Callable[[], object], calls: int = CALLS) -> float:
    """Return the median CPU time of a call [us]."""
    for _ in range(calls // 10):
        work()
    taken = []
    for _ in range(calls):
        begun = time.thread_time_ns()
        work()
        taken.append(time.thread_time_ns() - begun)
    return statistics.median(taken) / 1000


def ours(url: str) -> tuple[Callable[[], object], Any]:
    """Return a hit, key included, on a store, and the cache."""
    import bedrock_lab as lab

    cache = lab.ResponseCache(url)
    turn = cache.begin("Converse", REQUEST)
    turn.done(model="m", cost_usd=Decimal("0.0021"), stop_reason="end_turn", answer=ANSWER)
    assert cache.begin("Converse", REQUEST).how == "hit"
    return lambda: cache.begin("Converse", REQUEST), cache


def peer(name: str, environment: str, code: str, folder: str) -> None:
    """Measure a peer in its own environment, or say that it is absent."""
    python = ROOT / ".venv-peers" / environment / "bin" / "python"
    if not python.exists():
        print(f"hit, {name:<22} absent (make peers)")
        return
    given = json.dumps([REQUEST, ANSWER, folder, CALLS])
    done = subprocess.run([python, "-c", TIMING + code], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"hit, {name:<22} absent ({done.stderr.strip().splitlines()[-1]})")
    else:
        print(f"hit, {name:<22} {float(done.stdout.split()[-1]):8.1f} us")


def hits(folder: Path) -> None:
    """Compare hits, with A/A."""
    from bedrock_lab.cache.key import request_key, salt

    before = salt("default", "us-east-1", "Converse")
    large = {**REQUEST, "messages": [{"role": "user", "content": [{"text": TEXT * 100}]}]}
    size = len(json.dumps(REQUEST))
    print(f"key, {size} bytes           {median_us(lambda: request_key(before, REQUEST)):8.1f} us  aim <= 5")
    print(f"key, {len(json.dumps(large))} bytes         {median_us(lambda: request_key(before, large)):8.1f} us")
    work, cache = ours(f"sqlite:///{folder}/hit.db")
    again = [median_us(work) for _ in range(3)]
    print(f"hit, ours, SQLite           {again[0]:8.1f} us  aim <= 35 (again {again[1]:.1f}, {again[2]:.1f})")
    cache.close()
    work, cache = ours("memory:")
    print(f"hit, ours, memory           {median_us(work):8.1f} us")
    cache.close()
    peer("diskcache", "diskcache", DISKCACHE, str(folder / "diskcache"))
    server = redis_server(folder)
    if server is None:
        print("hit, Redis: absent (redis-server is not installed)")
        return
    process, port = server
    try:
        work, cache = ours(f"redis://127.0.0.1:{port}/0")
        print(f"hit, ours, Redis            {median_us(work, 1000):8.1f} us")
        cache.close()
        arguments = f"ARGUMENTS = {{'host': '127.0.0.1', 'port': {port}}}\nKIND = 'redis'\n"
        peer("litellm, Redis", "litellm", arguments + LITELLM, str(folder))
    finally:
        process.kill()


def redis_server(folder: Path) -> tuple[subprocess.Popen[bytes], int] | None:
    """Start a Redis of one's own; None where it is not installed."""
    import shutil
    import socket

    if shutil.which("redis-server") is None:
        return None
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port = made.getsockname()[1]
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)], stdout=subprocess.DEVNULL
    )
    time.sleep(0.5)
    return process, port


def million(folder: Path, entries: int) -> None:
    """Fill a file, read it at random, and purge a tenth of it beside readers."""
    import random

    from bedrock_lab.cache import Matter, Which, open_store
    from bedrock_lab.cache.sqlite import PUT

    store: Any = open_store(f"sqlite:///{folder}/million.db")
    store.put(b"0" * 32, b"v", Matter(0.0, 1e12, "m", "n"))
    rng = random.Random(0)
    keys = [rng.randbytes(32) for _ in range(entries)]
    value = rng.randbytes(1000)
    for first in range(0, entries, 50_000):
        with store._write() as db:  # noqa: SLF001 - in batches, or filling takes minutes
            rows = [
                (key, 1.0, 1e12, 1000, "q" if key[0] < 26 else "m", "n", value) for key in keys[first : first + 50_000]
            ]
            db.executemany(PUT, rows)
    size = (folder / "million.db").stat().st_size / 1e9

    def read(count: int) -> list[float]:
        taken = []
        for key in rng.choices(keys, k=count):
            begun = time.perf_counter()
            store.get(key)
            taken.append((time.perf_counter() - begun) * 1e3)
        return sorted(taken)

    read(5_000)
    taken = read(50_000)
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(
        f"{entries:,} entries ({size:.1f} GB): get p50 {p50:.3f} ms, p99 {p99:.3f} ms (aim < 1), max {taken[-1]:.1f} ms"
    )
    begun, purged = time.perf_counter(), []
    thread = threading.Thread(target=lambda: purged.append(store.purge(Which(model="q"), dry_run=False)))
    thread.start()
    slowest = 0.0
    while thread.is_alive():
        slowest = max(slowest, read(200)[-1])
    took = time.perf_counter() - begun
    print(f"purge of {purged[0].entries:,} in {took:.1f} s; the slowest read beside it {slowest:.1f} ms (aim <= 50)")
    store.close()


def main() -> None:
    """Run everything; a number makes the large file smaller."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with tempfile.TemporaryDirectory() as folder:
        hits(Path(folder))
        million(Path(folder), entries)


if __name__ == "__main__":
    main()

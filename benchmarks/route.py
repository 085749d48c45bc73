"""Measure what deciding costs: a score of each policy at 1,000 tokens, CPU time of a thread, median of single calls.

The limit beside it is splitting the same text into words, the least any policy that reads a prompt does.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from bedrock_lab.route.labels import Labels, labels_of
from bedrock_lab.route.policy import fit_policy

CALLS = 2_000
WORDS = 750
"""Words of 1,000 tokens or so."""


def median_us(work: Callable[[], object], calls: int = CALLS) -> float:
    """Return the median CPU time of a call [us]."""
    taken = []
    for _ in range(calls):
        begun = time.thread_time_ns()
        work()
        taken.append(time.thread_time_ns() - begun)
    return statistics.median(taken) / 1000


def made(rows: int = 2_000) -> Labels:
    """Make labels of random words, the strong model better on long prompts."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(5_000)]
    lengths = rng.integers(5, 200, rows)
    prompts = [" ".join(rng.choice(words, n)) for n in lengths]
    return labels_of(prompts, (rng.random(rows) < 0.9 - lengths / 250), np.ones(rows))


def main() -> None:
    """Print a line a policy."""
    labels = made()
    prompt = " ".join(np.random.default_rng(1).choice([f"w{i}" for i in range(5_000)], WORDS))
    print(f"the limit: {len(prompt.split())} words split   {median_us(prompt.split):8.1f} us")
    aims = {"word_count": 50, "tfidf": 1_000}
    for name in ("word_count", "keywords", "random", "tfidf", "knn_gain"):
        policy = fit_policy(name, labels)
        aim = f"  aim < {aims[name]}" if name in aims else ""
        print(f"deciding by {name:<12} {median_us(lambda policy=policy: policy.score(prompt)):8.1f} us{aim}")


if __name__ == "__main__":
    main()

"""Made-up labels and conversations, to try routing and trimming on; nobody's."""

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.route.labels import Labels, labels_of

ROWS, TASKS = 2_400, 60
OWN_WORDS, SHARED_WORDS = 6, 400
LONG_WORDS = 60
"""Words from which the weak model fails more often."""

STRONG_RIGHT = 0.94
WEAK_RIGHT, WEAK_RIGHT_LONG = 0.9, 0.4
TASK_SPREAD = 0.7
"""How far the weak model's rate lies from the mean, from the easiest task to the hardest."""

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "mi", "no", "pe", "ra", "so", "tu", "ve", "zi")


def example_labels(seed: int = 0) -> Labels:
    """Make 2,400 prompts of 60 tasks with the quality of a weak and a strong model on each.

    The strong model is right on 94 % of all prompts. On a task of middling difficulty the weak one is right on 90 % of
    short prompts and on 40 % of those with 60 words or more, a third of all; from the easiest task to the hardest these
    rates fall by 70 points, as far as they can. A third of a prompt's words are of its task alone: words tell the task,
    and the task tells much of the gain, but nothing of other tasks. Input tokens are 1.3 a word and 300 of
    instructions; answers have some 250 tokens.

    >>> labels = example_labels()
    >>> labels.origin, len(labels), round(float(labels.strong.mean()), 2)
    (<Origin.SYNTHETIC: 'synthetic'>, 2400, 0.94)
    """
    rng = np.random.default_rng(seed)
    words = _words(rng, TASKS * OWN_WORDS + SHARED_WORDS)
    shared = words[TASKS * OWN_WORDS :]
    tasks = rng.integers(0, TASKS, ROWS)
    lengths = np.where(rng.random(ROWS) < 1 / 3, rng.integers(LONG_WORDS, 160, ROWS), rng.integers(8, LONG_WORDS, ROWS))
    prompts = []
    for task, length in zip(tasks.tolist(), lengths.tolist(), strict=True):
        own = words[task * OWN_WORDS : (task + 1) * OWN_WORDS]
        count = max(2, length // 3)
        drawn = [*rng.choice(own, count).tolist(), *rng.choice(shared, length - count).tolist()]
        prompts.append(" ".join(rng.permutation(drawn).tolist()))
    ease = rng.permutation(np.linspace(-TASK_SPREAD / 2, TASK_SPREAD / 2, TASKS))[tasks]
    rate = np.clip(np.where(lengths < LONG_WORDS, WEAK_RIGHT, WEAK_RIGHT_LONG) + ease, 0, 1)
    return labels_of(
        prompts,
        (rng.random(ROWS) < rate).astype(float),
        (rng.random(ROWS) < STRONG_RIGHT).astype(float),
        tasks=[f"task {task:02d}" for task in tasks.tolist()],
        tokens={
            "input_tokens": np.round(300 + 1.3 * lengths),
            "weak_output_tokens": np.round(rng.lognormal(np.log(220), 0.5, ROWS)),
            "strong_output_tokens": np.round(rng.lognormal(np.log(250), 0.5, ROWS)),
        },
        source=f"{ROWS:,} made-up prompts of {TASKS} tasks, seed {seed}",
        origin=Origin.SYNTHETIC,
    )


def _words(rng: np.random.Generator, count: int) -> list[str]:
    """Make different words of three syllables."""
    every = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES]
    return [every[i] for i in rng.permutation(len(every))[:count]]

"""Held-out scores: every prompt is scored by a policy that has not seen it, nor, where asked, its task."""

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError
from bedrock_lab.route.labels import Labels
from bedrock_lab.route.policy import FIXED, fit_policy

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

FOLDS = 5
SHUFFLED, GROUPED = "shuffled", "grouped"
KINDS = (SHUFFLED, GROUPED)


def groups_of(labels: Labels, kind: str) -> Places:
    """Say which rows must stay together: the same prompt (shuffled), the same task (grouped).

    Raises
    ------
    InputError
        Tasks are wanted and none are named, or they are fewer than two.
    """
    if kind == SHUFFLED:
        return _codes(labels.prompts)
    if labels.tasks is None:
        raise InputError("folds grouped: the labels name no task; --columns task=T says which column does")
    codes = _codes(labels.tasks)
    if codes.max() == 0:
        raise InputError("folds grouped: the labels have one task; two or more can be held out from each other")
    return codes


def folds_of(groups: Places, seed: int, folds: int = FOLDS) -> Places:
    """Deal groups out to folds of about equal size, in random order; returns the fold of each row.

    >>> folds_of(np.array([0, 0, 1, 2]), seed=0, folds=2).tolist()
    [0, 0, 1, 1]
    """
    sizes = np.bincount(groups)
    folds = min(folds, len(sizes))
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(sizes))
    filled, dealt = np.zeros(folds), np.empty(len(sizes), dtype=np.intp)
    for group in sorted(drawn.tolist(), key=lambda g: -int(sizes[g])):
        fold = int(filled.argmin())
        dealt[group] = fold
        filled[fold] += sizes[group]
    return dealt[groups]


def held_out_scores(name: str, labels: Labels, folds: Places) -> Floats:
    """Score every row by a policy learned from the other folds."""
    if name in FIXED:
        return fit_policy(name, labels).scores(labels.prompts, labels.tasks)
    scores = np.empty(len(labels))
    for fold in np.unique(folds):
        test = np.flatnonzero(folds == fold)
        learned = fit_policy(name, labels, np.flatnonzero(folds != fold))
        prompts = [labels.prompts[i] for i in test]
        tasks = None if labels.tasks is None else [labels.tasks[i] for i in test]
        scores[test] = learned.scores(prompts, tasks)
    return scores


def _codes(values: tuple[str, ...]) -> Places:
    known: dict[str, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.intp)

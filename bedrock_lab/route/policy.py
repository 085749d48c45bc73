"""A policy as a value: how prompts are scored, from which score on the strong one answers, what it was learned from."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError, listing
from bedrock_lab.route import scores
from bedrock_lab.route.labels import Labels
from bedrock_lab.route.learned import ByTask, Neighbours, TfIdf, fit_knn_gain, fit_task, fit_tfidf

Floats = NDArray[np.float64]

SCHEMA_VERSION = 1
FIXED: dict[str, Callable[[str], float]] = {
    "best-single": scores.always,
    "random": scores.random,
    "word_count": scores.word_count,
    "keywords": scores.keywords,
}
LEARNED: dict[str, type[ByTask | TfIdf | Neighbours]] = {"task": ByTask, "tfidf": TfIdf, "knn_gain": Neighbours}
POLICIES = (*FIXED, *LEARNED)


class Scorer(Protocol):
    """Something learned: scores prompts, and is plain values."""

    def score(self, prompt: str, task: str | None = None) -> float:
        """Score one prompt."""

    def scores(self, prompts: Sequence[str], tasks: Sequence[str] | None = None) -> Floats:
        """Score many."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How prompts are divided between a weak and a strong model.

    Attributes
    ----------
    threshold
        Score from which on the strong model answers; None while none is chosen.
    trained
        Digest and size of the labels, the day, and what was measured; empty where nothing was learned.
    """

    name: str
    scorer: Scorer | None = None
    function: Callable[[str], float] | None = None
    threshold: float | None = None
    trained: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it scores as it is; a policy that learns does once it has."""
        return self.scorer is not None or self.function is not None or self.name in FIXED

    def score(self, prompt: str, task: str | None = None) -> float:
        """Score a prompt: the higher, the more the strong model is wanted."""
        if self.scorer is not None:
            return self.scorer.score(prompt, task)
        return float((self.function or FIXED[self.name])(prompt))

    def scores(self, prompts: Sequence[str], tasks: Sequence[str] | None = None) -> Floats:
        """Score prompts."""
        if self.scorer is not None:
            return self.scorer.scores(prompts, tasks)
        return np.array([self.score(prompt) for prompt in prompts], dtype=np.float64)

    def strong(self, prompt: str, task: str | None = None) -> bool:
        """Whether the strong model answers.

        Raises
        ------
        InputError
            No threshold was chosen.
        """
        if self.threshold is None:
            raise InputError(f"policy {self.name} has no threshold; choose one by `route evaluate LABELS --save`")
        return self.score(prompt, task) >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON.

        Raises
        ------
        InputError
            It is a function of the user's own, which no file holds.
        """
        if self.function is not None:
            raise InputError(f"policy {self.name} is a function of your own; keep it in your code, no file holds it")
        return {
            "schema_version": SCHEMA_VERSION,
            "policy": self.name,
            "threshold": self.threshold,
            "trained": dict(self.trained),
            "learned": None if self.scorer is None else self.scorer.to_dict(),
        }

    def save(self, path: str | Path) -> Path:
        """Write the policy as JSON; the file is whole or not there."""
        where = Path(path)
        part = where.with_name(f".{where.name}.{os.getpid()}")
        text = json.dumps(self.to_dict(), allow_nan=False)
        try:
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(where)
        except OSError as error:
            raise InputError(f"{where}: cannot be written ({error.strerror})") from None
        return where


def load_policy(path: str | Path) -> Policy:
    """Read what `Policy.save` wrote.

    Raises
    ------
    InputError
        It cannot be read, is no policy, or is of a form this version does not know.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); policies are {listing(POLICIES)} or a file"
        ) from None
    except ValueError:
        raise InputError(f"{path}: is no JSON; give what `route evaluate LABELS --save` wrote") from None
    if not isinstance(data, dict) or data.get("policy") not in POLICIES:
        raise InputError(f"{path}: is no policy; give what `route evaluate LABELS --save` wrote")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise InputError(f"{path}: schema version {data.get('schema_version')}; this version reads {SCHEMA_VERSION}")
    name, learned, threshold = data["policy"], data.get("learned"), data.get("threshold")
    try:
        made = LEARNED[name].from_dict(learned or {}) if name in LEARNED else None
        return Policy(
            name=name,
            scorer=made,
            threshold=None if threshold is None else float(threshold),
            trained=dict(data.get("trained") or {}),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: the policy is damaged ({type(error).__name__}: {error})") from None


def named(given: "str | Policy | Callable[[str], float]") -> Policy:
    """Return the policy of a name, a file or a function.

    Raises
    ------
    InputError
        It is none of these.
    """
    if isinstance(given, Policy):
        return given
    if callable(given):
        return Policy(name=getattr(given, "__name__", "own"), function=given)
    if given in POLICIES:
        return Policy(name=given)
    return load_policy(given)


def fit_policy(name: str, labels: Labels, rows: NDArray[np.intp] | None = None) -> Policy:
    """Learn a policy from labels, or from some of their rows.

    Raises
    ------
    InputError
        The name is unknown, or there is nothing to learn from.
    """
    if name in FIXED:
        return Policy(name=name)
    if name not in LEARNED:
        raise InputError(f"policy {name!r}: allowed are {listing(POLICIES)}, or a file that exists")
    used = range(len(labels)) if rows is None else rows.tolist()
    prompts, gains = [labels.prompts[i] for i in used], labels.gain[list(used)]
    if name == "task":
        if labels.tasks is None:
            raise InputError("policy task: the labels name no task; --columns task=T says which column does")
        return Policy(name=name, scorer=fit_task([labels.tasks[i] for i in used], gains))
    return Policy(name=name, scorer=fit_tfidf(prompts, gains) if name == "tfidf" else fit_knn_gain(prompts, gains))

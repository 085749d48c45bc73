"""Policies that learn from labels whether the strong model gains: TF-IDF with a logistic, nearest neighbours, the task.

Scores say how much more than for the average prompt that was learned from, so that those of different folds can be laid
side by side: a fold whose own prompts gain much was learned from prompts that gain little. scikit-learn fits; what is
learned is plain numbers, so that a policy is saved as JSON and decides without it.
"""

import dataclasses
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError

Floats = NDArray[np.float64]

TOKEN = re.compile(r"(?u)\b\w\w+\b")
TERMS = 20_000
NEIGHBOURS = 50
"""Neighbours whose gain is averaged."""

BLOCK = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """Weights of terms: a prompt becomes a vector of length 1 of (1 + ln count) x idf."""

    idf: Mapping[str, float]

    def vector(self, prompt: str) -> dict[str, float]:
        """Return the weights of a prompt's terms."""
        counts = Counter(TOKEN.findall(prompt.lower()))
        idf = self.idf
        raw = {term: (1 + math.log(n)) * idf[term] for term, n in counts.items() if term in idf}
        norm = math.sqrt(sum(value * value for value in raw.values()))
        return {term: value / norm for term, value in raw.items()} if norm else {}


@dataclasses.dataclass(frozen=True, slots=True)
class TfIdf:
    """Logistic regression on TF-IDF: the log-odds that the strong model gains."""

    terms: Terms
    weights: Mapping[str, float]
    intercept: float
    average: float

    def score(self, prompt: str, task: str | None = None) -> float:
        """Return the log-odds of a gain, above those of the average prompt learned from."""
        del task
        weights = self.weights
        return (
            self.intercept
            - self.average
            + sum(value * weights[term] for term, value in self.terms.vector(prompt).items())
        )

    def scores(self, prompts: Sequence[str], tasks: Sequence[str] | None = None) -> Floats:
        """Score prompts one by one."""
        del tasks
        return np.array([self.score(prompt) for prompt in prompts])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: every term with its idf and its weight."""
        return {
            "intercept": self.intercept,
            "average": self.average,
            "terms": {term: [idf, self.weights[term]] for term, idf in self.terms.idf.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TfIdf":
        """Rebuild from plain values."""
        terms = data["terms"]
        idf, weights = ({term: float(pair[i]) for term, pair in terms.items()} for i in (0, 1))
        return cls(Terms(idf), weights, float(data["intercept"]), float(data["average"]))


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbours:
    """Mean gain of the nearest labelled prompts, weighted by likeness."""

    terms: Terms
    rows: tuple[Mapping[str, float], ...]
    gains: Floats
    _kept: dict[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def score(self, prompt: str, task: str | None = None) -> float:
        """Return the gain predicted for a prompt, above the average learned from."""
        del task
        return float(self.scores([prompt])[0])

    def scores(self, prompts: Sequence[str], tasks: Sequence[str] | None = None) -> Floats:
        """Score prompts, a block at a time."""
        del tasks
        matrix = self._matrix(self.rows) if "rows" not in self._kept else self._kept["rows"]
        self._kept["rows"] = matrix
        found = [
            self._near((self._matrix([self.terms.vector(p) for p in prompts[i : i + BLOCK]]) @ matrix.T).toarray())
            for i in range(0, len(prompts), BLOCK)
        ]
        return np.concatenate(found) if found else np.empty(0)

    def _near(self, likeness: Floats) -> Floats:
        k = min(NEIGHBOURS, likeness.shape[1])
        nearest = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        weights = np.take_along_axis(likeness, nearest, axis=1)
        total = weights.sum(axis=1)
        known = np.where(total > 0, total, 1.0)
        above = self.gains - self.gains.mean()
        return np.where(total > 0, (weights * above[nearest]).sum(axis=1) / known, 0.0)

    def _matrix(self, rows: Sequence[Mapping[str, float]]) -> Any:
        from scipy.sparse import csr_matrix

        columns = self._kept.setdefault("columns", {term: i for i, term in enumerate(self.terms.idf)})
        ends = np.cumsum([0, *(len(row) for row in rows)])
        indices = np.array([columns[term] for row in rows for term in row], dtype=np.int32)
        values = np.array([value for row in rows for value in row.values()])
        return csr_matrix((values, indices, ends), shape=(len(rows), len(columns)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the terms, and a sparse row a labelled prompt; not its text."""
        terms = list(self.terms.idf)
        place = {term: i for i, term in enumerate(terms)}
        rows = [[[place[t] for t in row], [round(v, 6) for v in row.values()]] for row in self.rows]
        return {"terms": terms, "idf": list(self.terms.idf.values()), "rows": rows, "gains": self.gains.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Neighbours":
        """Rebuild from plain values."""
        terms = data["terms"]
        rows = tuple(dict(zip((terms[i] for i in places), values, strict=True)) for places, values in data["rows"])
        return cls(Terms(dict(zip(terms, data["idf"], strict=True))), rows, np.array(data["gains"], dtype=np.float64))


@dataclasses.dataclass(frozen=True, slots=True)
class ByTask:
    """Mean gain of the prompt's task above that of all prompts; 0 where the task is new."""

    gains: Mapping[str, float]

    def score(self, prompt: str, task: str | None = None) -> float:
        """Return the gain of a task, above the average."""
        del prompt
        return self.gains.get(task or "", 0.0)

    def scores(self, prompts: Sequence[str], tasks: Sequence[str] | None = None) -> Floats:
        """Score by the tasks."""
        return np.array([self.score("", task) for task in (tasks or [""] * len(prompts))])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"gains": dict(self.gains)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ByTask":
        """Rebuild from plain values."""
        return cls({str(k): float(v) for k, v in data["gains"].items()})


def fit_tfidf(prompts: Sequence[str], gains: Floats) -> TfIdf:
    """Learn which terms tell that the strong model gains.

    Raises
    ------
    InputError
        No prompt gains, or all do; scikit-learn is missing.
    """
    better = gains > 0
    if better.all() or not better.any():
        what = "every prompt" if better.all() else "no prompt"
        raise InputError(f"tfidf: the strong model gains on {what} it learns from; one class cannot be learned")
    terms, matrix = _terms(prompts)
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1.0, max_iter=300).fit(matrix, better)
    weights = dict(zip(terms.idf, fitted.coef_[0].astype(float).tolist(), strict=True))
    odds = float(better.mean() / (1 - better.mean()))
    return TfIdf(terms, weights, float(fitted.intercept_[0]), math.log(odds))


def fit_knn_gain(prompts: Sequence[str], gains: Floats) -> Neighbours:
    """Keep the labelled prompts as vectors, with their gains."""
    terms, matrix = _terms(prompts)
    names, ends = list(terms.idf), matrix.indptr.tolist()
    columns, values = matrix.indices.tolist(), matrix.data.tolist()
    rows = (
        {names[c]: v for c, v in zip(columns[begin:end], values[begin:end], strict=True)}
        for begin, end in itertools.pairwise(ends)
    )
    return Neighbours(terms, tuple(rows), gains)


def fit_task(tasks: Sequence[str], gains: Floats) -> ByTask:
    """Average the gain by task.

    >>> fit_task(["law", "law", "maths", "maths"], np.array([0.0, 1.0, 1.0, 1.0])).gains
    {'law': -0.25, 'maths': 0.25}
    """
    names, codes = np.unique(np.asarray(tasks, dtype=object).astype(str), return_inverse=True)
    means = np.bincount(codes, weights=gains) / np.bincount(codes) - gains.mean()
    return ByTask(dict(zip(names.tolist(), means.tolist(), strict=True)))


def _terms(prompts: Sequence[str]) -> tuple[Terms, Any]:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError:
        raise InputError("learned policies need scikit-learn: pip install 'bedrock-lab[route]'") from None
    made = TfidfVectorizer(sublinear_tf=True, min_df=2, max_features=TERMS, token_pattern=TOKEN.pattern)
    try:
        matrix = made.fit_transform(prompts)
    except ValueError:
        raise InputError("the prompts share no words: nothing can be learned from them") from None
    terms = made.get_feature_names_out().tolist()
    return Terms(dict(zip(terms, made.idf_.tolist(), strict=True))), matrix

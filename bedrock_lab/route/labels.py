"""Labels: prompts with the measured quality of a weak and a strong model on each."""

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError, listing

Floats = NDArray[np.float64]

FEWEST = 20
"""Rows below which there is nothing to hold out."""

NAMES = ("prompt", "weak", "strong", "task", "input_tokens", "weak_output_tokens", "strong_output_tokens")
REQUIRED = NAMES[:3]
KINDS = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Measured quality of two models on the same prompts.

    Attributes
    ----------
    weak, strong
        Quality of each answer [0..1], a row a prompt.
    tasks
        What kind of prompt each is; None where nobody said.
    tokens
        Input tokens, and output tokens of each model, by name; those that were recorded.
    sha256
        Digest of prompts and qualities.
    """

    prompts: tuple[str, ...]
    weak: Floats
    strong: Floats
    weak_name: str
    strong_name: str
    tasks: tuple[str, ...] | None
    tokens: Mapping[str, Floats]
    source: str
    origin: Origin = Origin.LOG
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def gain(self) -> Floats:
        """What the strong model adds on each prompt [-1..1]."""
        return self.strong - self.weak

    def part(self, rows: NDArray[np.intp]) -> "Labels":
        """Return some of the rows."""
        places = rows.tolist()
        return dataclasses.replace(
            self,
            prompts=tuple(self.prompts[i] for i in places),
            weak=self.weak[rows],
            strong=self.strong[rows],
            tasks=None if self.tasks is None else tuple(self.tasks[i] for i in places),
            tokens={name: values[rows] for name, values in self.tokens.items()},
        )

    @property
    def sha256(self) -> str:
        """Digest of prompts and qualities, in their order."""
        made = hashlib.sha256()
        for prompt, weak, strong in zip(self.prompts, self.weak, self.strong, strict=True):
            made.update(f"{len(prompt)} {weak!r} {strong!r} ".encode())
            made.update(prompt.encode("utf-8", "surrogatepass"))
        return made.hexdigest()


def read_labels(path: str | Path, columns: Mapping[str, str] | None = None) -> Labels:
    """Read labels from parquet, CSV or JSON lines.

    RouteLLM's tables are recognised: ``prompt``, ``task`` and one column of right or wrong a model; the model that is
    right less often is the weak one.

    Parameters
    ----------
    columns
        Columns of prompt, weak, strong and, where there are such, task, input_tokens, weak_output_tokens and
        strong_output_tokens.

    Raises
    ------
    InputError
        A column is missing, a score lies outside 0..1, or there are too few rows.
    """
    frame = _table(Path(path))
    unknown = sorted(set(columns or {}) - set(NAMES))
    if unknown:
        raise InputError(f"--columns {unknown[0]}: allowed are {listing(NAMES)}")
    named, warnings = _columns(frame, dict(columns or {}), str(path))
    prompts = frame[named["prompt"]]
    if bool(prompts.isna().any()):
        row = int(np.flatnonzero(prompts.isna().to_numpy())[0]) + 1
        raise InputError(f"{path}: row {row} has no prompt; leave out rows without one")
    tokens = {name: _numbers(frame, named[name], path, math.inf) for name in NAMES[4:] if name in named}
    return labels_of(
        [str(p) for p in prompts],
        _numbers(frame, named["weak"], path, 1.0),
        _numbers(frame, named["strong"], path, 1.0),
        weak_name=named["weak"],
        strong_name=named["strong"],
        tasks=[str(t) for t in frame[named["task"]]] if "task" in named else None,
        tokens=tokens,
        source=Path(path).name,
        warnings=warnings,
    )


def labels_of(
    prompts: Sequence[str],
    weak: Any,
    strong: Any,
    *,
    weak_name: str = "weak",
    strong_name: str = "strong",
    tasks: Sequence[str] | None = None,
    tokens: Mapping[str, Any] | None = None,
    source: str = "given",
    origin: Origin = Origin.LOG,
    warnings: Sequence[str] = (),
) -> Labels:
    """Check labels given as values.

    Raises
    ------
    InputError
        As `read_labels`.
    """
    if len(prompts) < FEWEST:
        raise InputError(f"{source}: {len(prompts)} rows; allowed are {FEWEST} or more, or nothing can be held out")
    qualities = [np.asarray(values, dtype=np.float64) for values in (weak, strong)]
    for name, values in zip((weak_name, strong_name), qualities, strict=True):
        wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
        if len(wrong):
            raise InputError(f"{source}: {name} of row {wrong[0] + 1} is {values[wrong[0]]:g}; allowed is 0..1")
    if bool((qualities[0] == qualities[1]).all()):
        raise InputError(
            f"{source}: {weak_name} and {strong_name} are equally good on every row; nothing to route: take the cheaper"
        )
    return Labels(
        prompts=tuple(prompts),
        weak=qualities[0],
        strong=qualities[1],
        weak_name=weak_name,
        strong_name=strong_name,
        tasks=None if tasks is None else tuple(tasks),
        tokens={name: np.asarray(values, dtype=np.float64) for name, values in (tokens or {}).items()},
        source=source,
        origin=origin,
        warnings=tuple(warnings),
    )


def _table(path: Path) -> Any:
    import pandas as pd

    kind = next((k for k in KINDS if path.name.endswith(k)), None)
    if kind is None:
        raise InputError(f"{path}: labels are one of {listing(KINDS)}")
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path) if ".csv" in kind else pd.read_json(path, lines=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from None
    except ValueError as error:
        raise InputError(f"{path}: is no {kind[1:]} ({str(error).splitlines()[0]})") from None


def _columns(frame: Any, given: dict[str, str], path: str) -> tuple[dict[str, str], list[str]]:
    """Name the columns, and say what was taken for what."""
    there = [str(c) for c in frame.columns]
    missing = next((c for c in given.values() if c not in there), None)
    if missing is not None:
        raise InputError(f"{path}: has no column {missing}; it has {listing(there)}")
    named = {name: name for name in NAMES if name in there} | given
    warnings = []
    if "weak" not in named and "strong" not in named:
        models = [c for c in there if frame[c].dtype == bool]
        if "prompt" in named and len(models) == 2:
            named["weak"], named["strong"] = sorted(models, key=lambda c: float(frame[c].mean()))
            warnings.append(
                f"{named['weak']} is right less often and taken for the weak one, {named['strong']} for strong"
            )
    lacking = [name for name in REQUIRED if name not in named]
    if lacking:
        raise InputError(
            f"{path}: no column for {', '.join(lacking)}; it has {listing(there)}: "
            "--columns prompt=P,weak=W,strong=S names them"
        )
    return named, warnings


def _numbers(frame: Any, column: str, path: str | Path, most: float) -> Floats:
    import pandas as pd

    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~((values >= 0) & (values <= most)))
    if len(wrong):
        allowed = "0..1" if most == 1 else "0 or more"
        raise InputError(
            f"{path}: {column} of row {wrong[0] + 1} is {frame[column].iloc[wrong[0]]}; allowed is {allowed}"
        )
    return np.asarray(values)

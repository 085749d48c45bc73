"""Rows of a trace cut into segments, and those by model and Region: what can be bought is told apart by these."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.segments.segment import RULES, Segment, listed
from bedrock_lab.rows import Rows
from bedrock_lab.traffic.trace import Trace

MOST = 40
"""Segments of a plan: each is planned on its own."""
REST = "rest"

Places = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """A segment with the priced rows it takes, as places among them."""

    segment: Segment
    places: Places


def cut(trace: Trace, rows: Rows, segments: Sequence[Segment], by: str | Sequence[str] | None) -> list[Cut]:
    """Give each row to the first segment that takes it, and the rest to one by its values.

    Raises
    ------
    InputError
        A segment takes no row, two have one name, or the trace does not say what tells rows apart.
    """
    names = [s.name for s in segments]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"segment {twice[0]}: two have this name; write each name once")
    columns = _columns(trace, rows, segments, by)
    left = np.ones(len(rows.codes), dtype=bool)
    made = []
    for segment in segments:
        mine = np.ones(len(left), dtype=bool)
        for name, values in segment.rules.items():
            mine &= np.isin(columns[name], values)
        if not (mine & left).any():
            raise InputError(_takes_none(segment, columns, earlier=bool(mine.any())))
        made.append(Cut(segment, np.flatnonzero(mine & left)))
        left &= ~mine
    if left.any():
        made += _rest(columns, left, listed(by) or [], {s.name for s in segments})
    if len(made) > MOST:
        raise InputError(
            f"{len(made)} segments: at most {MOST} are planned; name those that matter in a file "
            "(--segments), the rest is one"
        )
    return made


def _columns(
    trace: Trace, rows: Rows, segments: Sequence[Segment], by: str | Sequence[str] | None
) -> dict[str, NDArray[np.str_]]:
    """Values of every priced row in the columns needed; empty text where a row does not say."""
    needed = [*(listed(by) or []), *(name for s in segments for name in s.rules)]
    made: dict[str, NDArray[np.str_]] = {}
    for name in dict.fromkeys(needed):
        if name not in RULES:
            raise InputError(f"cannot tell segments apart by {name!r}; allowed: {', '.join(RULES)}")
        if name == "model":
            made[name] = np.array([t.model.id for t in rows.targets])[rows.codes]
            continue
        values = trace.text(name)
        if values is None:
            raise InputError(
                f"{trace.source}: names no {name}, so segments cannot be told apart by it; --app-key reads the app of "
                "invocation logs"
            )
        made[name] = np.array(["" if v is None else str(v) for v in values[rows.kept]])
    return made


def _takes_none(segment: Segment, columns: dict[str, NDArray[np.str_]], *, earlier: bool) -> str:
    """Say why a segment takes no row."""
    if earlier or not segment.rules:
        return f"segment {segment.name}: takes no row, segments before it take all of them; put it first"
    for name, values in segment.rules.items():
        seen = sorted({str(v) for v in np.unique(columns[name]) if v})
        if not set(values) & set(seen):
            return f"segment {segment.name}: no priced row has {name} {listing(values)}; there are {listing(seen)}"
    return f"segment {segment.name}: no priced row has all of {listing(segment.rules)} as it says"


def _rest(columns: dict[str, NDArray[np.str_]], left: NDArray[np.bool_], by: list[str], taken: set[str]) -> list[Cut]:
    """Make segments of the rows no one named: one by each set of values, or one for all."""
    places = np.flatnonzero(left)
    if not by:
        return [Cut(Segment(name=_free(REST, taken)), places)]
    labels = np.array(["/".join(v or f"no {n}" for n, v in zip(by, row, strict=True)) for row in zip(
        *(columns[n][places] for n in by), strict=True)])  # fmt: skip
    return [Cut(Segment(name=_free(str(label), taken)), places[labels == label]) for label in np.unique(labels)]


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else f"{name} ({REST})"


def take_rows(rows: Rows, places: Places) -> Rows:
    """Take some of the priced rows, with the targets they call."""
    used, codes = np.unique(rows.codes[places], return_inverse=True)
    targets = tuple(rows.targets[code] for code in used)
    return dataclasses.replace(
        rows,
        targets=targets,
        codes=codes.astype(np.int64),
        tokens={bucket: values[places] for bucket, values in rows.tokens.items()},
        kept=rows.kept[places],
        warnings=tuple(dict.fromkeys(w for t in targets for w in t.warnings)),
    )


def by_place(rows: Rows, places: Places) -> dict[tuple[str, str], Places]:
    """Split places by the model and the Region their rows call: what capacity is bought for."""
    keys = [(t.model.id, t.region) for t in rows.targets]
    made: dict[tuple[str, str], list[int]] = {}
    for code, key in enumerate(keys):
        made.setdefault(key, []).append(code)
    codes = rows.codes[places]
    split = {key: places[np.isin(codes, mine)] for key, mine in made.items()}
    return {key: held for key, held in split.items() if len(held)}

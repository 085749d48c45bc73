"""Rows of an invocation log on their way into a Trace: numbers, and a code of what repeats (model, Region, app)."""

from array import array
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.assumptions import Origin
from bedrock_lab.traffic.arrays import bits_of, from_numpy, strings
from bedrock_lab.traffic.readers.files import FileError
from bedrock_lab.traffic.readers.log_blocks import Block, columns_of, floats
from bedrock_lab.traffic.readers.log_rows import COUNTS, NUMBERS, WORDS, Rows
from bedrock_lab.traffic.readers.raw import Raw
from bedrock_lab.traffic.readers.unsaid import OPAQUE, UNCOUNTED
from bedrock_lab.traffic.trace import Skipped

PUBLISHED = frozenset({"foundation-model", "inference-profile"})
"""Kinds of ARN whose last part is a model's own id."""

MISSING = -1


class Codes(dict[str | None, int]):
    """A number for each word, given at its first sight."""

    def __missing__(self, word: str | None) -> int:
        """Give the next number."""
        self[word] = number = len(self)
        return number


class Columns:
    """The columns of a file, some records at a time."""

    def __init__(self, wanted: Any) -> None:
        self.wanted = wanted
        self.at_ns: list[np.ndarray] = []
        self.codes = {name: Codes() for name in WORDS}
        self.words: dict[str, list[np.ndarray]] = {name: [] for name in WORDS}
        self.numbers: dict[str, list[np.ndarray]] = {name: [] for name in NUMBERS}
        self.ids: list[str | None] = []

    def add_rows(self, rows: Rows) -> None:
        """Add records that were read one by one; their times were held against those wanted."""
        if rows.at_ns:
            numbers = [floats(cells) for cells in zip(*rows.numbers, strict=True)]
            self._add(
                Block(np.array(rows.at_ns, dtype=np.int64), list(zip(*rows.words, strict=True)), numbers, rows.ids)
            )

    def add(self, records: Sequence[Any]) -> bool:
        """Add decoded records; rows whose time is not wanted are left out. False, and nothing is added, in doubt."""
        try:
            block = columns_of(records, tagged=self.wanted.app_key is not None)
        except (ValueError, OverflowError):
            return False
        if self.wanted.bounded:
            keep = [self.wanted.holds(at) for at in block.at_ns.tolist()]
            block = Block(
                block.at_ns[keep],
                [list(compress(cells, keep)) for cells in block.words],
                [column[keep] for column in block.numbers],
                list(compress(block.ids, keep)),
            )
        self._add(block)
        return True

    def _add(self, block: Block) -> None:
        self.at_ns.append(block.at_ns)
        for name, cells in zip(WORDS, block.words, strict=True):
            code = self.codes[name].__getitem__
            if len(only := set(cells)) == 1:
                codes = np.full(len(cells), code(only.pop()), dtype=np.int32)
            else:
                codes = np.frombuffer(array("i", map(code, cells)), dtype=np.int32)
            self.words[name].append(codes)
        for name, column in zip(NUMBERS, block.numbers, strict=True):
            self.numbers[name].append(column)
        self.ids.extend(block.ids)

    def raw(self, file: str, skipped: list[Skipped]) -> Raw:
        """Hand the rows over.

        Raises
        ------
        FileError
            There are none.
        """
        if not self.ids:
            first = f"; line {skipped[0].line}: {skipped[0].reason}" if skipped else " in the time asked for"
            raise FileError(file, f"no record of the invocation log{first}")
        at = np.concatenate(self.at_ns)
        start = int(at.min())
        columns: dict[str, Any] = {"time_s": from_numpy((at - start) / 1e9)}
        codes = {name: np.concatenate(parts) for name, parts in self.words.items()}
        numbers = {name: np.concatenate(parts) for name, parts in self.numbers.items()}
        outcomes = np.array([outcome_of(code) for code in self.codes["error_code"]])[codes["error_code"]]
        uncounted = (np.isnan(numbers["input_tokens"]) | np.isnan(numbers["output_tokens"])) & (outcomes == "ok")
        opaque = {word for word in self.codes["model"] if word and priced(word) is None}
        for name, of_row in codes.items():
            words = [(priced(word) if name == "model" and word else word) or None for word in self.codes[name]]
            columns[name] = coded(words, of_row)
        names, of_row = np.unique(outcomes, return_inverse=True)
        columns["outcome"] = coded([*map(str, names), None], np.where(uncounted, len(names), of_row))
        for name, values in numbers.items():
            known = ~np.isnan(values)
            filled = values if known.all() else np.where(known, values, 0.0)
            columns[name] = from_numpy(filled.astype(np.int64) if name in COUNTS else filled, known)
        columns["request_id"] = strings(self.ids)
        held = {name: column for name, column in columns.items() if column.null_count < len(column)}
        called = np.bincount(codes["model"], minlength=len(self.codes["model"]))
        unsaid = {OPAQUE + word: int(called[self.codes["model"][word]]) for word in sorted(opaque)}
        unsaid |= {UNCOUNTED: int(uncounted.sum())} if uncounted.any() else {}
        return Raw(
            file=file,
            format="bedrock-logs",
            origin=Origin.LOG,
            columns=held,
            expresses=tuple(name.removesuffix("_tokens") for name in COUNTS[:-1]),
            start_ns=start,
            unsaid=unsaid,
            skipped=tuple(skipped),
        )


def coded(words: list[str | None], codes: np.ndarray) -> Any:
    """Return a column coded by its words, from the word of each code."""
    places = {word: place for place, word in enumerate(dict.fromkeys(word for word in words if word is not None))}
    found = np.array([MISSING if word is None else places[word] for word in words], dtype=np.int32)[codes]
    index = pa.Array.from_buffers(pa.int32(), len(found), [bits_of(found >= 0), pa.py_buffer(np.maximum(found, 0))])
    return pa.DictionaryArray.from_arrays(index, strings(list(places)))


def priced(model_id: str) -> str | None:
    """Return the id that is priced; which model an application profile or units stand for nobody knows here.

    >>> priced("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0")
    'amazon.nova-lite-v1:0'
    """
    kind, _, name = model_id.split(":", 5)[-1].partition("/") if model_id.startswith("arn:") else ("", "", "")
    return None if kind and kind not in PUBLISHED else name or model_id or None


def outcome_of(error: str | None) -> str:
    """Return the outcome an error code stands for.

    >>> outcome_of(None), outcome_of("ThrottlingException"), outcome_of("ModelErrorException")
    ('ok', 'throttled', 'failed')
    """
    if error is None:
        return "ok"
    return "throttled" if "throttl" in error.lower() else "failed"

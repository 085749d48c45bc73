"""How many tokens an input may be, and what they cost: estimates with their error, and bounds."""

import dataclasses
from array import array
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.batch.records import LONGEST_ID, MEDIA_TOKENS, Line, Lines
from bedrock_lab.client.tariff import Tariff
from bedrock_lab.client.worst import FIXED_TOKENS
from bedrock_lab.predict.text_tokens import BYTES_PER_TOKEN, FEWEST_BYTES, MOST_BYTES
from bedrock_lab.quote import EXACT

Counts = NDArray[np.int64]

OVERHEAD_TOKENS = 8
"""What a provider puts around a prompt, assumed."""

OUTPUT_SHARE, LEAST_SHARE = 0.5, 0.05


@dataclasses.dataclass(slots=True)
class Measures:
    """What was seen of each record, in its order.

    Attributes
    ----------
    line_bytes, text_bytes
        Of its line, and of its texts.
    bound_tokens, output_tokens
        The most its input and its answer can be [tokens].
    """

    line_bytes: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    text_bytes: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    bound_tokens: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    output_tokens: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.line_bytes)

    def append(self, line: Line) -> None:
        """Add a record."""
        self.line_bytes.append(len(line.written))
        self.text_bytes.append(line.text_bytes)
        self.bound_tokens.append(line.bound_tokens)
        self.output_tokens.append(line.output_tokens)

    def extend(self, lines: Lines) -> None:
        """Add many."""
        self.line_bytes.frombytes(lines.line_bytes.tobytes())
        self.text_bytes.frombytes(lines.text_bytes.tobytes())
        self.bound_tokens.frombytes(lines.bound_tokens.tobytes())
        self.output_tokens.frombytes(lines.output_tokens.tobytes())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of each record: input at three lengths of a token, output at three lengths of an answer [tokens]."""

    input: Counts
    input_low: Counts
    input_high: Counts
    input_bound: Counts
    output: Counts
    output_low: Counts
    output_most: Counts

    def part(self, begin: int, end: int) -> "Tokens":
        """Return those of some records."""
        return Tokens(**{f.name: getattr(self, f.name)[begin:end] for f in dataclasses.fields(self)})


def tokens_of(measures: Measures, output_tokens: int | None) -> Tokens:
    """Estimate tokens from what was measured.

    Parameters
    ----------
    output_tokens
        Expected of an answer, where somebody knows [tokens].
    """
    text = counts(measures.text_bytes)
    most = counts(measures.output_tokens)
    bound = counts(measures.bound_tokens)

    def of(bytes_per_token: float) -> Counts:
        return np.minimum(np.ceil(text / bytes_per_token).astype(np.int64) + OVERHEAD_TOKENS, bound)

    share = np.ceil(most * OUTPUT_SHARE).astype(np.int64)
    low = np.minimum(np.ceil(most * LEAST_SHARE).astype(np.int64), share)
    if output_tokens is not None:
        share = low = np.minimum(output_tokens, most)
    return Tokens(
        input=of(BYTES_PER_TOKEN),
        input_low=of(MOST_BYTES),
        input_high=of(FEWEST_BYTES),
        input_bound=bound,
        output=share,
        output_low=low,
        output_most=most,
    )


def cut_answers(measures: Measures, output_tokens: int | None) -> str | None:
    """Say how many answers cannot be as long as they are expected to be; None where all can."""
    if output_tokens is None:
        return None
    short = int((counts(measures.output_tokens) < output_tokens).sum())
    if not short:
        return None
    return f"--output-tokens {output_tokens} is above the max_tokens of {short:,} records: their own limit counts there"


def counts(held: "array[int]") -> Counts:
    """Return what is held, for arithmetic."""
    return np.frombuffer(held, dtype=np.int64)


def cost(tariff: Tariff, prompt: Counts, output: Counts) -> Decimal | None:
    """Return what requests of these lengths cost at a tariff, exactly [USD]; None without a price.

    Each request is priced at the rates its prompt's length meets.
    """
    total = Decimal(0)
    edges = tariff.edges
    if not edges:
        return None
    for place, (above, rates) in enumerate(edges):
        inside = prompt > above if place else np.ones(len(prompt), dtype=bool)
        if place + 1 < len(edges):
            inside &= prompt <= edges[place + 1][0]
        for bucket, counts in (("input", prompt), ("output", output)):
            tokens = int(counts[inside].sum())
            if tokens and bucket not in rates:
                return None
            if tokens:
                total = EXACT.add(total, EXACT.multiply(rates[bucket], Decimal(tokens)))
    return total.scaleb(-6, EXACT)


def assumptions(output_tokens: int | None, *, answers: bool) -> tuple[Assumption, ...]:
    """State what the estimates rest on."""
    length = Assumption(
        name="bytes_per_token",
        value=BYTES_PER_TOKEN,
        lo=FEWEST_BYTES,
        hi=MOST_BYTES,
        kind=Kind.ASSUMED,
        source=f"input tokens = bytes of text as JSON writes them / bytes_per_token + {OVERHEAD_TOKENS}: the tokenizer "
        f"is not known here; an image, document or sound counts as {MEDIA_TOKENS} tokens; the worst case counts one "
        f"for every byte and {FIXED_TOKENS} more, at most the model's context",
        unit="bytes",
    )
    name = Assumption(
        name="longest_record_id",
        value=LONGEST_ID,
        kind=Kind.ASSUMED,
        source="AWS publishes no longest recordId; its own have 11 characters",
        unit="characters",
    )
    if not answers:
        return (length, name)
    if output_tokens is not None:
        expected = Assumption(
            name="output_tokens", value=output_tokens, kind=Kind.ASSUMED, source="stated by the user", unit="tokens"
        )
    else:
        expected = Assumption(
            name="output_share",
            value=OUTPUT_SHARE,
            lo=LEAST_SHARE,
            hi=1.0,
            kind=Kind.ASSUMED,
            source="expected answers as a share of max_tokens; --output-tokens states what you know",
        )
    return (length, expected, name)

"""Records to the lines Bedrock reads, each checked, with its tokens estimated and bounded.

What comes most often, a prompt with the settings of the one before, is written between two texts that are made once.
"""

from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from bedrock_lab.batch.bodies import CONVERSE
from bedrock_lab.batch.callee import Wanted
from bedrock_lab.batch.problems import ProblemError
from bedrock_lab.batch.reading import asked_of, converse_of, given_of
from bedrock_lab.client.worst import FIXED_TOKENS, MEDIA, ceiling
from bedrock_lab.predict.text_tokens import BYTES_PER_TOKEN

Counts = NDArray[np.int64]

LONGEST_ID = 256
"""Longest recordId taken [characters]. AWS publishes no limit; its own ids have 11."""

MEDIA_TOKENS = 1_600
UNBOUNDED = 2**31
SIMPLE = frozenset({"recordId", "prompt", "system", "max_tokens"})
PLACE = "\ue000\ue001"
"""Stands for the prompt while the texts around it are made."""

MANY_FRAMES = 256
HEAD = b'{"recordId":"'
DELETE = "\x7f"
LINE_FEED = 10


class Line(NamedTuple):
    """A record as Bedrock reads it.

    Attributes
    ----------
    written
        Its line, with the line feed.
    text_bytes
        Of its texts as JSON writes them; an image counts as `MEDIA_TOKENS` x `BYTES_PER_TOKEN`.
    bound_tokens
        The most its input can be [tokens].
    output_tokens
        The most its answer can be [tokens].
    """

    written: bytes
    text_bytes: int
    bound_tokens: int
    output_tokens: int


class Frame(NamedTuple):
    """What stands around a prompt."""

    before: bytes
    after: bytes
    text_bytes: int
    output_tokens: int


class Lines(NamedTuple):
    """Many records at once: their lines in one piece, and of each what `Line` says."""

    written: bytes
    line_bytes: Counts
    text_bytes: Counts
    bound_tokens: Counts
    output_tokens: Counts


class Writer:
    """Writes the records of one input.

    Parameters
    ----------
    cache_points
        Whether they are left in: batch inference refuses them, on-demand inference does not.
    """

    def __init__(self, wanted: Wanted, *, cache_points: bool = False) -> None:
        self.wanted = wanted
        self.cache_points = cache_points
        self.filled: dict[str, int] = {}
        self._frames: dict[tuple[str | None, int | None], Frame] = {}
        self._context = wanted.context or UNBOUNDED

    def lines(self, ids: list[str], records: list[dict[str, Any]]) -> Lines | None:
        """Write records that all are prompts with nothing unusual; None where one is not."""
        if not set().union(*set(map(tuple, records))) <= SIMPLE:
            return None
        try:
            prompts = [record["prompt"] for record in records]
            frames = [self.frame(record.get("system"), record.get("max_tokens")) for record in records]
        except (KeyError, ProblemError):
            return None
        if None in frames or set(map(type, prompts)) != {str} or "" in prompts or any(map(str.isspace, prompts)):
            return None
        found: list[Frame] = frames  # type: ignore[assignment]
        names, texts = escaped(ids), escaped(prompts)
        written = assembled(names, [frame.before for frame in found], texts, [frame.after for frame in found])
        line_bytes = np.diff(np.flatnonzero(np.frombuffer(written, np.uint8) == LINE_FEED), prepend=-1)
        text_bytes = np.fromiter(map(len, texts), np.int64, len(texts))
        text_bytes += np.fromiter((frame.text_bytes for frame in found), np.int64, len(found))
        return Lines(
            written,
            line_bytes,
            text_bytes,
            np.minimum(text_bytes + FIXED_TOKENS, self._context),
            np.fromiter((frame.output_tokens for frame in found), np.int64, len(found)),
        )

    def frame(self, system: Any, most: Any) -> Frame | None:
        """Return the texts around a prompt, made once for a system and a maximum; None where none can be."""
        if not (system is None or type(system) is str) or not (most is None or type(most) is int):
            return None
        found = self._frames.get((system, most))
        if found is None:
            found = self._made(system, most)
            if found is not None:
                if len(self._frames) >= MANY_FRAMES:
                    self._frames.clear()
                self._frames[system, most] = found
        return found

    def _made(self, system: str | None, most: int | None) -> Frame | None:
        write = self.wanted.form.write
        if write is None:
            return None
        asked = asked_of(self.wanted, {"prompt": PLACE, "system": system, "max_tokens": most})
        before, place, after = orjson.dumps(write(asked)).partition(orjson.dumps(PLACE)[1:-1])
        if not place or orjson.dumps(PLACE)[1:-1] in after:
            return None
        return Frame(
            b'","modelInput":' + before,
            after + b"}\n",
            len(orjson.dumps(asked.system)) - 2,
            asked.max_tokens if self.wanted.form.maximum else 0,
        )

    def line(self, identity: str, record: dict[str, Any]) -> Line:
        """Write one record, whatever it is.

        Raises
        ------
        ProblemError
            Saying what is wrong with it.
        """
        wanted = self.wanted
        if "modelInput" in record:
            body = given_of(wanted, record, cache_points=self.cache_points, filled=self.filled)
        elif "messages" in record and wanted.kind == CONVERSE:
            body = converse_of(wanted, record, cache_points=self.cache_points)
        else:
            asked = asked_of(wanted, record)
            if wanted.form.write is None:
                raise ProblemError(f"the body of this model is not known here for {wanted.kind}: give a modelInput")
            body = wanted.form.write(asked)
            refused = sorted(body.keys() - (wanted.form.fields or body.keys()))
            if refused:
                raise ProblemError(f"{', '.join(refused)}: the body of {wanted.form.name} has no such field")
        found = ceiling(body)
        return Line(
            orjson.dumps({"recordId": identity, "modelInput": body}, option=orjson.OPT_APPEND_NEWLINE),
            text_bytes(body),
            self._context if found.media else min(found.tokens, self._context),
            self._most(found.maximum) * found.several,
        )

    def _most(self, given: int | None) -> int:
        """Return the most of an answer [tokens]."""
        wanted = self.wanted
        if wanted.form.maximum:
            return given or wanted.max_tokens
        if wanted.form.fields is not None:
            return 0
        return given or wanted.longest or wanted.context or wanted.max_tokens


def assembled(names: list[bytes], before: list[bytes], texts: list[bytes], after: list[bytes]) -> bytes:
    """Write lines of what they are made of."""
    pieces = [HEAD] * (5 * len(names))
    pieces[1::5], pieces[2::5], pieces[3::5], pieces[4::5] = names, before, texts, after
    return b"".join(pieces)


def escaped(texts: list[str]) -> list[bytes]:
    r"""Write texts as JSON does, without the quotes: all in one go, where none holds the character they are joined by.

    JSON escapes every other control character, and no other character has its byte.

    >>> escaped(["a", 'b"', "\n"])
    [b'a', b'b\\"', b'\\n']
    """
    joined = orjson.dumps(DELETE.join(texts))[1:-1].split(DELETE.encode())
    return joined if len(joined) == len(texts) else [orjson.dumps(text)[1:-1] for text in texts]


def text_bytes(value: Any) -> int:
    """Count the bytes of the texts of a body; what is no text counts as an image.

    >>> text_bytes({"messages": [{"role": "user", "content": [{"text": "Hello"}]}]})
    9
    """
    if isinstance(value, str):
        return len(orjson.dumps(value)) - 2
    if isinstance(value, dict):
        return sum(
            MEDIA_TOKENS * BYTES_PER_TOKEN if key in MEDIA else text_bytes(held)
            for key, held in value.items()
            if key != "anthropic_version"
        )
    if isinstance(value, list):
        return sum(map(text_bytes, value))
    return 0


def identity_of(record: dict[str, Any], number: int) -> str:
    """Return the id of a record: its own, a whole number as text, or one made of the number of its line.

    >>> identity_of({"recordId": 7}, 1), identity_of({}, 12)
    ('7', 'L0000000012')

    Raises
    ------
    ProblemError
        It is no id.
    """
    identity = record.get("recordId")
    if type(identity) is not str:
        if identity is None:
            return f"L{number:010d}"
        if type(identity) is not int:
            raise ProblemError(f"recordId: {identity!r:.60} is given, a text is allowed")
        return str(identity)
    if not identity or len(identity) > LONGEST_ID:
        said = f"it has {len(identity)} characters" if identity else "it is empty"
        raise ProblemError(f"recordId: {said}; 1 to {LONGEST_ID} are allowed")
    return identity

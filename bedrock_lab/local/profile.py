"""The profile: how fast the models are, which quotas hold, what goes wrong and when."""

import dataclasses
import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.catalogue.model import resolve
from bedrock_lab.errors import InputError, listing
from bedrock_lab.local.problems import WORDS
from bedrock_lab.local.shapes import SERVED
from bedrock_lab.predict.quota import Limits

TRANSPORT = ("drop_connection", "reset_connection", "slow_first_byte", "stall_stream", "truncate_stream", "wrong_crc")
"""Faults that are no answer of AWS."""

DELAY_S = {"slow_first_byte": 5.0, "stall_stream": 60.0}
EVERY = "*"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one model answers.

    Attributes
    ----------
    ttft_s, gap_s
        Median time to the first event with content, and between events [s].
    tokens_per_event
        Tokens one event carries.
    output_tokens
        Length of a text answer that `maxTokens` does not cut [tokens].
    sigma
        Spread of the times, lognormal around the medians.
    published
        Take the catalogue's published latency where it has one.
    capacity
        Requests a model works on at a time; None is no limit. What comes on top waits.
    queue
        How many may wait; None is no limit. What comes on top gets 503.
    """

    ttft_s: float = 0.2
    gap_s: float = 0.02
    tokens_per_event: int = 1
    output_tokens: int = 50
    sigma: float = 0.0
    published: bool = False
    capacity: int | None = None
    queue: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong, by share of the calls or by number of the call (from 1).

    Attributes
    ----------
    error
        An error code of Bedrock, or one of `TRANSPORT`.
    operation
        The one operation it strikes; None strikes all.
    rate
        Share of the calls it strikes; with neither rate nor calls it strikes every one.
    after_events
        How many events of a stream leave before it; None strikes before the answer.
    delay_s
        How long a stalled stream or a slow first byte takes [s].
    """

    error: str
    operation: str | None = None
    rate: float | None = None
    calls: tuple[int, ...] = ()
    after_events: int | None = None
    delay_s: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A checked profile; `models` and `quotas` are keyed by `plain_id`, or "*" for every other."""

    models: dict[str, Pace]
    quotas: dict[str, Limits]
    faults: tuple[Fault, ...]

    def pace(self, *names: str) -> Pace:
        """Pace of a model by the first name the profile knows."""
        return next((self.models[n] for n in (*names, EVERY) if n in self.models), Pace())

    def limits(self, *names: str) -> tuple[str, Limits] | None:
        """Quota of a model by the first name the profile knows, and that name; None where it has none.

        A quota by the id of a profile is that scope's own; one by catalogue id is shared by all scopes.
        """
        for name in names:
            if name in self.quotas:
                return name, self.quotas[name]
        return (names[-1], self.quotas[EVERY]) if EVERY in self.quotas else None


def plain_id(model_id: str) -> str:
    """Write a model id without date and version, its scope's prefix kept.

    >>> plain_id("us.anthropic.claude-haiku-4-5-20251001-v1:0")
    'us.anthropic.claude-haiku-4-5'

    Raises
    ------
    InputError
        For a model the catalogue does not know.
    """
    ref = resolve(model_id)
    return ref.model.id if ref.prefix is None else f"{ref.prefix}.{ref.model.id}"


def read_profile(given: str | Path | Mapping[str, Any] | None) -> Profile:
    """Read a profile: a TOML or JSON file, a dict, or None for the defaults.

    >>> read_profile({"models": {"*": {"ttft_s": 0}}}).pace("amazon.nova-pro").ttft_s
    0.0

    Raises
    ------
    InputError
        Naming key, value, and what is allowed.
    """
    table = {} if given is None else given
    if isinstance(table, str | Path):
        table = _load(Path(table))
    _known(table, "profile", ("models", "quotas", "faults"))
    models = _table(table.get("models", {}), "models")
    quotas = _table(table.get("quotas", {}), "quotas")
    faults = table.get("faults", [])
    if not isinstance(faults, list | tuple):
        raise InputError(f"faults {faults!r}: allowed is a list of faults")
    return Profile(
        models={_key(n): _pace(_table(entry, f"models.{n}"), f"models.{n}") for n, entry in models.items()},
        quotas={_key(n): _limits(_table(entry, f"quotas.{n}"), f"quotas.{n}") for n, entry in quotas.items()},
        faults=tuple(_fault(_table(entry, f"faults[{i}]"), f"faults[{i}]") for i, entry in enumerate(faults)),
    )


def _key(name: str) -> str:
    return EVERY if name == EVERY else plain_id(name)


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"profile {path}: cannot be read ({error})") from None
    try:
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise InputError(
            f"profile {path}: not valid {'JSON' if path.suffix == '.json' else 'TOML'} ({error})"
        ) from None
    return _table(found, f"profile {path}")


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where} {value!r}: allowed is a table")
    return dict(value)


def _known(table: Any, where: str, names: tuple[str, ...]) -> None:
    for name in _table(table, where):
        if name not in names:
            raise InputError(f"{where}: unknown key {name!r}; known: {listing(names, limit=20)}")


def _real(table: Mapping[str, Any], key: str, where: str, default: float, most: float = math.inf) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (0 <= value <= most) or value == math.inf:
        top = "" if most == math.inf else f" up to {most:g}"
        raise InputError(f"{where}.{key} {value!r}: allowed is a number from 0{top}")
    return float(value)


def _whole(table: Mapping[str, Any], key: str, where: str, default: int | None, least: int) -> int | None:
    value = table.get(key, default)
    if value is None and default is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{where}.{key} {value!r}: allowed is a whole number from {least}")
    return value


def _pace(entry: dict[str, Any], where: str) -> Pace:
    _known(entry, where, tuple(f.name for f in dataclasses.fields(Pace)))
    usual = Pace()
    published = entry.get("published", False)
    if not isinstance(published, bool):
        raise InputError(f"{where}.published {published!r}: allowed are true and false")
    return Pace(
        ttft_s=_real(entry, "ttft_s", where, usual.ttft_s),
        gap_s=_real(entry, "gap_s", where, usual.gap_s),
        tokens_per_event=_whole(entry, "tokens_per_event", where, usual.tokens_per_event, 1) or 1,
        output_tokens=_whole(entry, "output_tokens", where, usual.output_tokens, 1) or 1,
        sigma=_real(entry, "sigma", where, usual.sigma, 5.0),
        published=published,
        capacity=_whole(entry, "capacity", where, None, 1),
        queue=_whole(entry, "queue", where, None, 0),
    )


def _limits(entry: dict[str, Any], where: str) -> Limits:
    _known(entry, where, tuple(f.name for f in dataclasses.fields(Limits)))
    for name, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise InputError(f"{where}.{name} {value!r}: allowed is a number above 0")
    return Limits(**entry)


def _fault(entry: dict[str, Any], where: str) -> Fault:
    _known(entry, where, tuple(f.name for f in dataclasses.fields(Fault)))
    error, operation = entry.get("error"), entry.get("operation")
    known = (*sorted(WORDS), *TRANSPORT)
    if error not in known:
        raise InputError(f"{where}.error {error!r}: allowed are {listing(known, limit=30)}")
    if operation is not None and operation not in SERVED:
        raise InputError(f"{where}.operation {operation!r}: allowed are {', '.join(SERVED)}")
    calls = entry.get("calls", [])
    if not isinstance(calls, list | tuple) or not all(type(n) is int and n >= 1 for n in calls):
        raise InputError(f"{where}.calls {calls!r}: allowed is a list of call numbers from 1")
    return Fault(
        error=error,
        operation=operation,
        rate=_real(entry, "rate", where, 0.0, 1.0) if "rate" in entry else (None if calls else 1.0),
        calls=tuple(calls),
        after_events=_whole(entry, "after_events", where, None, 0),
        delay_s=_real(entry, "delay_s", where, DELAY_S.get(error, 0.0)),
    )

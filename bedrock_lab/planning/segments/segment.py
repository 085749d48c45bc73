"""A segment as a value: which requests it is, what they need, what may be bought for them, a cheaper model."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedrock_lab.catalogue.model import resolve
from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning import options
from bedrock_lab.planning.options import BATCH_HOURS
from bedrock_lab.planning.purchase import DEFERRED
from bedrock_lab.planning.segments.values import check_kinds, is_number, shown
from bedrock_lab.planning.slo import check_slo, parse_slo

RULES = ("app", "model", "operation")
"""What requests are told apart by."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """A cheaper model for a share of a segment's requests, with the quality that is known to remain.

    Attributes
    ----------
    model
        Any id of it.
    share
        Share of the requests that a route sends to it (0..1].
    quality_at_least
        Lower bound of the mean quality of the segment's answers under the route [0..1].
    quality_source
        Who measured that, on what, when.

    Raises
    ------
    InputError
        The bound or its source is missing, a share is none, or the model is unknown.

    Examples
    --------
    >>> Substitute(model="amazon.nova-lite", share=0.4)
    Traceback (most recent call last):
    bedrock_lab.errors.InputError: substitute amazon.nova-lite: quality_at_least and quality_source are needed, ...
    """

    model: str
    share: float
    quality_at_least: float | None = None
    quality_source: str = ""

    def __post_init__(self) -> None:
        """Refuse a substitute without a bound, or what is no share."""
        if not isinstance(self.model, str):
            raise InputError(f"substitute {shown(self.model)}: allowed is a model's id")
        resolve(self.model)
        for name, value in (("share", self.share), ("quality_at_least", self.quality_at_least)):
            if value is None and name != "share":
                continue
            if not is_number(value) or not 0 <= value <= 1:
                raise InputError(f"substitute {self.model}: {name} {shown(value)}; allowed is a share from 0 to 1")
        if not self.share:
            raise InputError(f"substitute {self.model}: share 0; allowed is more than 0, up to 1")
        if not isinstance(self.quality_source, str):
            raise InputError(
                f"substitute {self.model}: quality_source {shown(self.quality_source)}; allowed is a text: who "
                "measured the quality, on what, when"
            )
        if self.quality_at_least is None or not self.quality_source.strip():
            raise InputError(
                f"substitute {self.model}: quality_at_least and quality_source are needed, the lower bound of a "
                "measured quality and who measured it (route evaluate LABELS gives one)"
            )

    @classmethod
    def of_policy(cls, model: str, path: str | Path) -> "Substitute":
        """Take share and bound from what ``route evaluate LABELS --save`` wrote.

        Raises
        ------
        InputError
            It is no policy, holds no bound, or was measured on another model.
        """
        trained = _trained(path)
        bound, strong_share = trained.get("quality_at_least"), trained.get("share")
        if not isinstance(bound, int | float) or not isinstance(strong_share, int | float):
            raise InputError(
                f"{path}: the policy holds no absolute bound of its quality (trained.quality_at_least): save it anew "
                "by `route evaluate LABELS --save`, or give share, quality_at_least and quality_source"
            )
        measured = str(trained.get("weak", ""))
        if _differs(measured, model):
            raise InputError(f"{path}: its quality was measured with {measured}, not with {model}")
        rows = trained.get("rows")
        count = f"{rows:,}" if isinstance(rows, int) else "unknown"
        source = (
            f"route policy of {count} labels ({str(trained.get('labels_sha256', ''))[:12]}), "
            f"{trained.get('date', 'no date')}: {measured or 'weak'} for {1 - strong_share:.0%}, "
            f"{trained.get('strong') or 'strong'} for the rest, with 95 % confidence"
        )
        return cls(model=model, share=1 - strong_share, quality_at_least=bound, quality_source=source)


def _trained(path: str | Path) -> Mapping[str, Any]:
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise InputError(f"policy {path}: cannot be read ({reason}); give what `route evaluate --save` wrote") from None
    held = data.get("trained") if isinstance(data, dict) and "policy" in data else None
    if not isinstance(held, dict):
        raise InputError(f"policy {path}: is no route policy; give what `route evaluate LABELS --save` wrote")
    return held


def _differs(measured: str, model: str) -> bool:
    """Whether a policy names a model of the catalogue, and another one."""
    try:
        return resolve(measured).model.id != resolve(model).model.id
    except InputError:
        return False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Requests with limits of their own; what is None stands as the plan's flags say.

    Attributes
    ----------
    app, model, operation
        Which requests: those whose value is among the ones given. Without any, all that no segment before it takes.
    slo
        ``{"ttft_p95": 1.5}`` or its text [s]; empty for no limit.
    deferrable, deadline_h
        Share of its requests that can wait [0..1], and how long [h].
    option, allow_scopes, models
        Ways of buying, scopes and models a recommendation may use.
    assume
        Assumptions of its own: growth, response_cache_share and so on, a value or ``"lo..hi"``.
    quality_needed
        Least mean quality; a substitute whose bound lies below is shown and not recommended [0..1].
    substitutes
        Cheaper models that may take part of it.

    Raises
    ------
    InputError
        A value is wrong, or two contradict each other.
    """

    name: str
    app: str | Sequence[str] | None = None
    model: str | Sequence[str] | None = None
    operation: str | Sequence[str] | None = None
    slo: Mapping[str, float] | str | None = None
    deferrable: float | None = None
    deadline_h: float | None = None
    option: str | Sequence[str] | None = None
    allow_scopes: str | Sequence[str] | None = None
    models: str | Sequence[str] | None = None
    assume: Mapping[str, Any] | None = None
    quality_needed: float | None = None
    substitutes: Sequence[Substitute] = ()

    def __post_init__(self) -> None:
        """Refuse values that are wrong or contradict each other, naming the segment."""
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"segment name {shown(self.name)}: allowed is a text")
        try:
            self._check()
        except InputError as error:
            raise InputError(f"segment {self.name}: {error}") from None

    def _check(self) -> None:
        check_kinds({f.name: getattr(self, f.name) for f in dataclasses.fields(self)})
        if self.slo is not None:
            parse_slo(self.slo) if isinstance(self.slo, str) else check_slo(dict(self.slo))
        if self.deferrable is not None:
            options.check_deferrable(self.deferrable)
        needed, held = self.quality_needed, self.substitutes
        if needed is not None and not (is_number(needed) and 0 <= needed <= 1):
            raise InputError(f"quality_needed {shown(needed)}: allowed is a mean quality from 0 to 1")
        if not isinstance(held, list | tuple) or not all(isinstance(s, Substitute) for s in held):
            raise InputError(f"substitutes {shown(held)}: allowed is a list of lab.Substitute")
        self._contradictions()

    def _contradictions(self) -> None:
        named = options.requested(listed(self.option)) if self.option is not None else ()
        if named and self.deferrable is not None and set(named) <= set(DEFERRED) and self.deferrable < 1:
            raise InputError(
                f"option {','.join(named)} takes only what can wait, and deferrable is {self.deferrable:g}: allow an "
                "option for the rest"
            )
        if named == ("batch",) and self.deadline_h is not None and self.deadline_h < BATCH_HOURS:
            raise InputError(f"only batch is allowed, and deadline_h {self.deadline_h:g} is under its {BATCH_HOURS} h")
        if self.deadline_h is not None and self.deferrable == 0:
            raise InputError(f"deadline_h {self.deadline_h:g} with deferrable 0: nothing can wait")
        allowed = self.allowed
        for held in self.substitutes:
            if allowed is not None and resolve(held.model).model.id not in allowed:
                raise InputError(f"substitute {held.model} is not among its models: {listing(allowed)}")

    @property
    def allowed(self) -> tuple[str, ...] | None:
        """Catalogue ids its requests may call; None for any."""
        return None if self.models is None else tuple(resolve(m).model.id for m in listed(self.models) or [])

    @property
    def rules(self) -> dict[str, tuple[str, ...]]:
        """Values by column that its requests have."""
        return {name: tuple(listed(getattr(self, name)) or ()) for name in RULES if getattr(self, name) is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: what a TOML file would say."""
        held = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "substitutes"}
        said = {k: _plain(v) for k, v in held.items() if v is not None}
        return said | {"substitute": [dataclasses.asdict(s) for s in self.substitutes]}


def listed(value: str | Sequence[str] | None) -> list[str] | None:
    """Read one value, several, or ``"a,b"``.

    >>> listed("a, b"), listed(["a"]), listed(None)
    (['a', 'b'], ['a'], None)
    """
    if value is None:
        return None
    return [v.strip() for v in value.split(",") if v.strip()] if isinstance(value, str) else [str(v) for v in value]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: f"{v[0]}..{v[1]}" if isinstance(v, tuple | list) else v for k, v in value.items()}
    return list(value) if isinstance(value, tuple) else value

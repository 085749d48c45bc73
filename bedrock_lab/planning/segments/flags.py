"""What is asked of every segment, and what a segment asks of its own."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bedrock_lab.catalogue.model import resolve
from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.question import Question, ask
from bedrock_lab.planning.segments.segment import Segment, listed
from bedrock_lab.planning.segments.values import check_kinds
from bedrock_lab.rows import Rows

OWN = ("allow_scopes", "option", "deferrable", "deadline_h", "slo", "assume")
"""What a segment may ask otherwise."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What is asked of segments that ask nothing else, as `plan` takes it.

    Attributes
    ----------
    units
        By catalogue id: input_tpm, output_tpm and price of a provisioned model unit.
    """

    allow_scopes: str | Sequence[str] | None
    option: str | list[str] | None
    shape: str | None
    period_s: float | None
    window_s: float | None
    deferrable: float
    deadline_h: float | None
    slo: Mapping[str, float] | str | None
    assume: Mapping[str, Any] | None
    token_ratio: tuple[float, float]
    seed: int
    risk: str
    units: Mapping[str, Mapping[str, Any]]

    def __post_init__(self) -> None:
        """Refuse values of another kind."""
        check_kinds({name: getattr(self, name) for name in OWN})

    def question(self, segment: Segment, model: str) -> Question:
        """Read and check what is asked of a segment's calls of a model."""
        unit = self.units.get(model, {})

        def own(name: str) -> Any:
            given = getattr(segment, name)
            return getattr(self, name) if given is None else given

        try:
            return ask(
                listed(own("option")),
                own("deferrable"),
                own("deadline_h"),
                self.shape,
                own("slo"),
                unit.get("input_tpm"),
                unit.get("output_tpm"),
                unit.get("price"),
                {**(self.assume or {}), **(segment.assume or {})},
                self.seed,
                self.risk,
            )
        except InputError as error:
            raise InputError(f"segment {segment.name}: {error}") from None

    def scopes(self, segment: Segment) -> str | Sequence[str] | None:
        """Scopes a recommendation for a segment may use."""
        return self.allow_scopes if segment.allow_scopes is None else segment.allow_scopes


def units_by_model(
    rows: Rows,
    units: Mapping[str, Mapping[str, Any]],
    unit_input_tpm: float | str | None,
    unit_output_tpm: float | str | None,
    unit_price: Mapping[str, float] | str | None,
) -> dict[str, Mapping[str, Any]]:
    """Say whose unit figures are whose: those of flags are of the one model that is called.

    Raises
    ------
    InputError
        Flags give figures and several models are called.
    """
    given = {"input_tpm": unit_input_tpm, "output_tpm": unit_output_tpm, "price": unit_price}
    stated = {name: value for name, value in given.items() if value is not None}
    made = {resolve(name).model.id: figures for name, figures in units.items()}
    if not stated:
        return made
    if len(rows.models) > 1:
        raise InputError(
            f'unit figures are of one model, and these rows call {listing(rows.models)}: give [units."MODEL"] in the '
            "file of segments"
        )
    return {rows.models[0]: stated} | made

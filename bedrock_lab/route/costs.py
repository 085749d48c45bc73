"""What each prompt costs at the weak and at the strong model."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.target import target
from bedrock_lab.errors import InputError
from bedrock_lab.predict.text_tokens import bytes_assumption, estimated_tokens
from bedrock_lab.pricing import price_vector
from bedrock_lab.route.labels import Labels

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Cost of each prompt at each model [USD], and what of it is assumed."""

    weak: Floats
    strong: Floats
    weak_model: str
    strong_model: str
    assumptions: tuple[Assumption, ...]

    def part(self, rows: NDArray[np.intp]) -> "Costs":
        """Return those of some rows."""
        return dataclasses.replace(self, weak=self.weak[rows], strong=self.strong[rows])

    def of(self, strong: NDArray[np.bool_]) -> Floats:
        """Return the cost of each request, where the strong model answers those [USD]."""
        return np.where(strong, self.strong, self.weak)

    def mean(self, strong: NDArray[np.bool_]) -> float:
        """Return the mean cost of a request, where the strong model answers those [USD]."""
        return float(self.of(strong).mean())


def costs_of(
    labels: Labels,
    prices: Prices,
    weak_model: str,
    strong_model: str,
    *,
    region: str | None = None,
    output_tokens: int | None = None,
) -> Costs:
    """Price every prompt at both models.

    Parameters
    ----------
    weak_model, strong_model
        Any ids of the models that are to be priced.
    output_tokens
        Of an answer, where the labels do not say.

    Raises
    ------
    InputError
        A model is unknown or has no price, or nothing says how long answers are.
    """
    held: dict[str, Assumption] = {}
    if "input_tokens" in labels.tokens:
        given = labels.tokens["input_tokens"]
    else:
        given = np.array([estimated_tokens(prompt).tokens for prompt in labels.prompts])
        held["bytes"] = bytes_assumption()
    found = []
    for name, model in (("weak", weak_model), ("strong", strong_model)):
        recorded = labels.tokens.get(f"{name}_output_tokens")
        if recorded is None:
            if output_tokens is None:
                raise InputError(
                    f"{labels.source}: nothing says how long answers of the {name} model are; give --output-tokens N"
                )
            recorded = np.full(len(labels), float(output_tokens))
            held["output"] = Assumption(
                name="output_tokens",
                value=output_tokens,
                kind=Kind.ASSUMED,
                source="stated by the user, for every prompt",
                unit="tokens",
            )
        spot = target(model, region=region).spot
        found.append(price_vector(prices, spot, {"input": given, "output": recorded}))
    return Costs(
        weak=found[0],
        strong=found[1],
        weak_model=weak_model,
        strong_model=strong_model,
        assumptions=tuple(held.values()),
    )

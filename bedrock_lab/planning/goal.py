"""What an SLO is held against by simulation: a law of latency, the quota on demand, a deadline."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.errors import InputError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is known besides the traffic; None is not stated.

    Attributes
    ----------
    latency, group
        A fit or a law of latency, and the group of the fit.
    tpm, rpm
        Quota on demand [tokens/min], [requests/min].
    max_units
        Model units the account may hold.
    max_tokens
        Limit of every answer, which a quota of tokens reserves [tokens].
    deadline_h
        How long requests can wait that can [h].
    """

    latency: Any = None
    group: str | None = None
    tpm: float | None = None
    rpm: float | None = None
    max_units: int | None = None
    max_tokens: int | None = None
    deadline_h: float | None = None

    @property
    def quota(self) -> bool:
        """Whether on demand refuses anybody."""
        return self.tpm is not None or self.rpm is not None

    @property
    def limits(self) -> dict[str, Any]:
        """What a simulation takes of it."""
        return {name: getattr(self, name) for name in ("tpm", "rpm", "max_tokens", "deadline_h")}

    def without(self, *names: str) -> "Goal":
        """Take some of it away."""
        return dataclasses.replace(self, **dict.fromkeys(names))

    def check(self, slo: Mapping[str, float]) -> "Goal":
        """Refuse what is no limit, and what counts for nothing."""
        for name in ("tpm", "rpm"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | float) or not 0 < value < float("inf")):
                raise InputError(f"{name} {value}: allowed is a number above 0")
            if value is not None and not slo and self.latency is None:
                raise InputError(
                    f"{name} {value:g} counts for nothing without an SLO that is held against it: give one "
                    "(--slo e2e_p95=20)"
                )
        if self.max_units is not None and (type(self.max_units) is not int or self.max_units < 1):
            raise InputError(f"max_units {self.max_units}: allowed is a whole number of 1 or more")
        if self.max_tokens is not None and self.tpm is None:
            raise InputError(f"max_tokens {self.max_tokens} counts for nothing without a quota of tokens: give --tpm")
        return self

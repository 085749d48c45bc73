"""Orders: a purchase checked and named, so that the same one is made once however often it is sent."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from bedrock_lab.client.tagging import checked_tags
from bedrock_lab.errors import InputError
from bedrock_lab.planning.answers import API_TERM
from bedrock_lab.provisioned.held import PRICE_TAG, Units
from bedrock_lab.provisioned.quote import TYPED, Quote
from bedrock_lab.quote import plain

NAME = re.compile(r"(?=.{1,63}$)([0-9a-zA-Z][_-]?)+")


def checked_name(name: str) -> str:
    """Refuse a name that AWS would refuse.

    >>> checked_name("chat-production")
    'chat-production'
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"name {name!r}: allowed are up to 63 letters and digits, with single - or _ between them, such as "
            "chat-production"
        )
    return name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase as it would be sent; `attempt` counts those of the same name and arguments."""

    quote: Quote
    name: str
    tags: tuple[tuple[str, str], ...]
    attempt: int

    @property
    def all_tags(self) -> dict[str, str]:
        """The user's tags, and the unit's price where it was typed in: no price list will know it later."""
        typed = {PRICE_TAG: plain(self.quote.usd_per_unit_hour)} if self.quote.price_source == TYPED else {}
        return dict(self.tags) | typed

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of CreateProvisionedModelThroughput, with a request token of all of them.

        The same purchase has the same token, so that AWS makes one of it however often it is sent.
        """
        chosen: dict[str, Any] = {
            "modelUnits": self.quote.units,
            "provisionedModelName": self.name,
            "modelId": self.quote.bought_id,
            "tags": [{"key": key, "value": value} for key, value in self.all_tags.items()],
        }
        if self.quote.term in API_TERM:
            chosen["commitmentDuration"] = API_TERM[self.quote.term]
        text = json.dumps([chosen, self.quote.region, self.attempt], sort_keys=True)
        return {**chosen, "clientRequestToken": f"bedrock-lab-{hashlib.sha256(text.encode()).hexdigest()[:40]}"}

    def same(self, found: Units) -> bool:
        """Whether units that are held are what is being bought."""
        # AWS may tell the bare id of units that were bought with a context suffix
        alike = self.quote.bought_id.startswith(found.model_id)
        return alike and (found.units, found.term) == (self.quote.units, self.quote.term)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab provisioned create --dry-run``."""
        return self.quote.to_dict() | {"name": self.name, "tags": dict(self.tags), "attempt": self.attempt}


def order(quote: Quote, name: str, tags: Mapping[str, str] | None = None, attempt: int = 1) -> Order:
    """Check name, tags and attempt of a purchase.

    Raises
    ------
    InputError
        One of them is what AWS would refuse.
    """
    if type(attempt) is not int or attempt < 1:
        raise InputError(f"attempt {attempt!r}: allowed is a whole number from 1")
    return Order(quote=quote, name=checked_name(name), tags=checked_tags(tags), attempt=attempt)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What a purchase came to.

    Attributes
    ----------
    created
        Whether the units are new; False where the same purchase had been made before.
    """

    quote: Quote
    units: Units
    created: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab provisioned create``."""
        told = self.units.to_dict()
        # the price is the quote's, which may be typed in; the end is AWS's own
        return told | self.quote.to_dict() | {"ends": told["ends"], "created": self.created}

    def to_frame(self) -> Any:
        """Return the units as a pandas DataFrame of one row."""
        return self.units.to_frame()

    def _repr_html_(self) -> str:
        return self.units._repr_html_()

"""What AWS sells, as dated facts with their sources: models, scopes, prices, capacity, limits, latency.

The facts are the CSV files under ``data/``, one a row, to be read and reviewed by eye. A price is never edited:
a change is a new row with a later date. Where sources disagree both rows stand, and `used` and `note` say
which one counts and why.
"""

from bedrock_lab.catalogue.model import (
    Lifecycle,
    Model,
    ModelRef,
    find,
    invocable,
    lifecycle,
    models,
    resolve,
)
from bedrock_lab.catalogue.offers import OPTIONS, Offer, offer
from bedrock_lab.catalogue.places import GEO, GLOBAL, IN_REGION, SCOPES, region, regions
from bedrock_lab.catalogue.pricelist import TIERS, PriceRow, Prices, Spot, price_rows, prices

__all__ = [
    "GEO",
    "GLOBAL",
    "IN_REGION",
    "OPTIONS",
    "SCOPES",
    "TIERS",
    "Lifecycle",
    "Model",
    "ModelRef",
    "Offer",
    "PriceRow",
    "Prices",
    "Spot",
    "find",
    "invocable",
    "lifecycle",
    "models",
    "offer",
    "price_rows",
    "prices",
    "region",
    "regions",
    "resolve",
]

"""The price list service: the catalogue's prices of today, in AWS's shapes, under its three service codes."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from bedrock_lab.catalogue.names import CODES
from bedrock_lab.local.asked import Asked
from bedrock_lab.local.problems import AWSError
from bedrock_lab.local.services.paging import NotATokenError, page
from bedrock_lab.local.services.pricelist_listing import Listing, held, listing, version_of

T = TypeVar("T")
FORMAT = "aws_v1"
MOST = 100
ARN = re.compile(r"arn:aws:pricing:::price-list/aws/(\w+)/USD/(\d+)/([\w-]+)")


async def describe_services(asked: Asked) -> dict[str, Any]:
    """List the service codes, each with the attributes its products have."""
    _check_format(asked)
    codes = CODES if "ServiceCode" not in asked.params else (_code(asked),)
    chosen, token = _page(asked, codes, codes)
    services = []
    for code in chosen:
        found = await _list(asked, code)
        names = {"productFamily"}.union(*(product.attributes for product in found.products))
        services.append({"ServiceCode": code, "AttributeNames": sorted(names)})
    return {"Services": services, "FormatVersion": FORMAT, "NextToken": token}


async def get_attribute_values(asked: Asked) -> dict[str, Any]:
    """List the values an attribute takes."""
    found, name = await _list(asked, _code(asked)), asked.params["AttributeName"]
    values = sorted({value for product in found.products if (value := held(product, name)) is not None})
    if not values:
        raise AWSError("NotFoundException", f"No product of {found.code} has the attribute {name}.")
    chosen, token = _page(asked, values, (found.code, name))
    return {"AttributeValues": [{"Value": value} for value in chosen], "NextToken": token}


async def get_products(asked: Asked) -> dict[str, Any]:
    """List the products that pass every filter, each as JSON."""
    _check_format(asked)
    found = await _list(asked, _code(asked))
    filters = tuple((f["Type"], f["Field"], f["Value"]) for f in asked.params.get("Filters", ()))
    chosen, token = _page(asked, await found.select(filters), (found.code, found.version, filters))
    return {
        "FormatVersion": FORMAT,
        "PriceList": [found.written(product) for product in chosen],
        "NextToken": token,
    }


async def list_price_lists(asked: Asked) -> dict[str, Any]:
    """List the price lists in force on a day, one a Region; a day to come has today's."""
    code, currency, region = _code(asked), asked.params["CurrencyCode"], asked.params.get("RegionCode")
    found = await listing(asked.engine, code, min(asked.params["EffectiveDate"], asked.now).date())
    sold = sorted(found.by_region) if found and currency == "USD" else []
    lists = [
        {
            "PriceListArn": f"arn:aws:pricing:::price-list/aws/{code}/{currency}/{found.version}/{name}",
            "RegionCode": name,
            "CurrencyCode": currency,
            "FileFormats": ["json"],
        }
        for name in sold
        if found and region in {None, name}
    ]
    chosen, token = _page(asked, lists, [entry["PriceListArn"] for entry in lists])
    return {"PriceLists": chosen, "NextToken": token}


async def get_price_list_file_url(asked: Asked) -> dict[str, Any]:
    """Say where this endpoint serves the file of a price list."""
    arn, form = asked.params["PriceListArn"], asked.params["FileFormat"]
    if form != "json":
        raise AWSError("InvalidParameterException", f"The file format {form} is not served here; allowed: json.")
    code, version, region = parts.groups() if (parts := ARN.fullmatch(arn)) else ("", "", "")
    found = await version_of(asked.engine, code, version, asked.now)
    if found is None or region not in found.by_region:
        raise AWSError("NotFoundException", f"There is no price list {arn} here.")
    return {"Url": f"http://{asked.host}/offers/v1.0/aws/{code}/{version}/{region}/index.json"}


def _code(asked: Asked) -> str:
    code: str = asked.params["ServiceCode"]
    if code not in CODES:
        raise AWSError("InvalidParameterException", f"The service code {code} is not valid; known: {', '.join(CODES)}.")
    return code


def _check_format(asked: Asked) -> None:
    form = asked.params.get("FormatVersion", FORMAT)
    if form != FORMAT:
        raise AWSError("InvalidParameterException", f"The format version {form} is not valid; allowed: {FORMAT}.")


async def _list(asked: Asked, code: str) -> Listing:
    """Return today's price list; an empty one before the first price."""
    return await listing(asked.engine, code, asked.now.date()) or Listing(code, asked.now.date())


def _page(asked: Asked, items: Sequence[T], question: object) -> tuple[list[T], str | None]:
    try:
        return page(items, question, asked.params.get("NextToken"), asked.params.get("MaxResults", MOST))
    except NotATokenError:
        raise AWSError("InvalidNextTokenException") from None

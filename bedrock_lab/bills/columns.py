"""Columns of bills by one set of names: CUR 2.0, the legacy report as CSV and as parquet.

Source: AWS's column dictionaries of both reports. CUR 2.0 keeps further product attributes in the map ``product``; the
legacy report has a column for each.
"""

import re

CODE, NAME, TYPE, KIND, START, END = "product_code", "product_name", "usage_type", "kind", "start", "end"
AMOUNT, USD, NET, LIST, UNIT, ACCOUNT = "amount", "usd", "net_usd", "list_usd", "unit", "account"
REGION, SERVICE, CURRENCY = "region", "service", "currency"
FROM, UNTIL = "period_start", "period_end"
UPFRONT, AMORTISED = "reservation_usd", "amortised_usd"

KNOWN = {
    "line_item_product_code": CODE,
    "product_product_name": NAME,
    "line_item_usage_type": TYPE,
    "line_item_line_item_type": KIND,
    "line_item_usage_start_date": START,
    "line_item_usage_end_date": END,
    "line_item_usage_amount": AMOUNT,
    "line_item_unblended_cost": USD,
    "line_item_net_unblended_cost": NET,
    "pricing_public_on_demand_cost": LIST,
    "pricing_unit": UNIT,
    "line_item_usage_account_id": ACCOUNT,
    "product_region_code": REGION,
    "product_region": REGION,
    "bill_billing_period_start_date": FROM,
    "bill_billing_period_end_date": UNTIL,
    "product_servicecode": SERVICE,
    "line_item_currency_code": CURRENCY,
    "reservation_effective_cost": UPFRONT,
}
NEEDED = ("line_item_usage_type", "line_item_usage_amount", "line_item_unblended_cost")
PRODUCT = "product"
"""CUR 2.0's map of product attributes."""


def snake(name: str) -> str:
    """Write a column of either report as CUR 2.0 does.

    >>> snake("lineItem/UsageType"), snake("pricing/publicOnDemandCost"), snake("product/servicecode")
    ('line_item_usage_type', 'pricing_public_on_demand_cost', 'product_servicecode')
    """
    parts = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part) for part in name.strip().split("/")]
    return "_".join(parts).lower()


def is_cur(names: list[str]) -> bool:
    """Whether columns are those of a cost and usage report."""
    return set(NEEDED) <= {snake(name) for name in names}

"""AWS's price list, read for new prices: offer files, which anyone may fetch, or GetProducts; neither bills."""

import csv
import dataclasses
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bedrock_lab.bills.price_list import Parsed, Product, news, parse, products_of
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.names import CODES
from bedrock_lab.catalogue.price_table import Added, PriceRow, read_rows
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.client import calling, connection
from bedrock_lab.client.failures import code_of
from bedrock_lab.errors import InputError, LabError

OFFERS = "https://pricing.us-east-1.amazonaws.com"
API_REGION = "us-east-1"
MOST_BYTES = 300_000_000
TRIES, FIRST_S = 4, 0.5
WAYS = ("bulk", "api")

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What a refresh found.

    Attributes
    ----------
    new
        Rows that say something the known prices do not; these are added to the user's file.
    partial
        What could not be read; None where all was.
    """

    file: str
    checked: date
    regions: tuple[str, ...]
    read: int
    parsed: Parsed
    new: tuple[PriceRow, ...]
    partial: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab prices refresh``."""
        return {
            "file": self.file,
            "checked": self.checked.isoformat(),
            "regions": list(self.regions),
            "products": self.read,
            "rows": len(self.parsed.rows),
            "new": [cells(row) for row in self.new],
            "left_out": self.parsed.left_out,
            "conflicts": list(self.parsed.conflicts),
            "unknown_usage_types": list(self.parsed.unknown),
            "partial": self.partial,
        }


def refresh(
    out: str | Path,
    prices: Prices,
    regions: Sequence[str],
    *,
    way: str = "bulk",
    today: date | None = None,
    endpoint_url: str | None = None,
    profile_name: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
    say: Say = lambda _: None,
) -> Refreshed:
    """Read the price list of all three service codes, and add what is new to a file of dated rows.

    Parameters
    ----------
    out
        The user's file; rows that stand there stay as they are.
    prices
        Prices as known without that file.
    way
        ``bulk`` fetches AWS's offer files without credentials, ``api`` asks GetProducts.

    Raises
    ------
    InputError
        An unknown Region or way, or a file that is none of price rows.
    LabError
        Nothing could be read.
    """
    if way not in WAYS:
        raise InputError(f"--from {way!r}: allowed are {', '.join(WAYS)}")
    if not regions:
        raise InputError("no Region given: --region us-east-1, as often as needed")
    for region in regions:
        places.region(region)
    day = today or prices.as_of
    held = read_rows(out) if Path(out).exists() else ()
    writable(out)
    known = dataclasses.replace(prices, added=Added((*prices.added.rows, *held)))
    read = _bulk if way == "bulk" else _api
    products: list[Product] = []
    missing: list[str] = []
    for code, region, found in read(regions, endpoint_url, profile_name, sleep):
        if isinstance(found, str):
            missing.append(f"{code} in {region} ({found})")
            continue
        say(f"{code} in {region}: {len(found):,} products")
        products += found
    if not products:
        raise LabError(f"the price list could not be read: {'; '.join(missing) or 'it is empty'}")
    parsed = parse(products, known, day, f"aws-price-list@{day}")
    added = news(parsed.rows, known)
    if added:
        write_rows(out, (*held, *added))
    return Refreshed(
        file=str(out),
        checked=day,
        regions=tuple(regions),
        read=len(products),
        parsed=parsed,
        new=added,
        partial="; ".join(missing) or None,
    )


def cells(row: PriceRow) -> dict[str, str]:
    """Write a row as the package's files do."""
    values = row._asdict() | {
        "effective": row.effective or "",
        "also": " ".join(row.also),
        "used": "yes" if row.used else "no",
        "usd_per_mtok": format(row.usd_per_mtok, "f"),
    }
    return {name: str(value) for name, value in values.items()}


def writable(out: str | Path) -> None:
    """Refuse a file that cannot be written, or that lies in the package, before anything is read."""
    path = Path(out)
    if path.suffix != ".csv":
        raise InputError(f"{out}: price rows are written as CSV; give a name that ends in .csv")
    if Path(__file__).resolve().parents[1] in path.resolve().parents:
        raise InputError(f"{out}: lies in the package, whose prices are never edited; give a file of your own")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{out}: there is no such folder")


def write_rows(out: str | Path, rows: Sequence[PriceRow]) -> None:
    """Write price rows, whole or not at all."""
    path = Path(out)
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, PriceRow._fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows(cells(row) for row in rows)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


Found = Iterator[tuple[str, str, list[Product] | str]]


def _bulk(regions: Sequence[str], endpoint: str | None, profile: str | None, sleep: Callable[[float], None]) -> Found:
    """Fetch the offer file of every service code where it is sold; a word says why one could not be."""
    del profile
    base = (endpoint or OFFERS).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise InputError(f"endpoint {base!r}: write it as https://host[:port]")
    for code in CODES:
        index = _fetched(f"{base}/offers/v1.0/aws/{code}/current/region_index.json", sleep)
        for region in regions:
            if isinstance(index, str):
                yield code, region, index
                continue
            place = index.get("regions", {}).get(region, {}).get("currentVersionUrl")
            offer = _fetched(f"{base}{place}", sleep) if place else {}  # nothing of the service is sold there
            yield code, region, offer if isinstance(offer, str) else products_of(offer)


def _fetched(url: str, sleep: Callable[[float], None]) -> dict[str, Any] | str:
    """Fetch a JSON object; a word says why not."""
    import orjson

    wait_s, reason = FIRST_S, ""
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the scheme was checked
                data = answer.read(MOST_BYTES + 1)
            found = orjson.loads(data) if len(data) <= MOST_BYTES else None
            return found if isinstance(found, dict) else "no price list"
        except urllib.error.HTTPError as error:
            with error:
                reason = f"status {error.code}"
            if error.code in {403, 404}:
                return reason
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = type(error).__name__
        if left:
            sleep(wait_s)
            wait_s *= 2
    return reason


def _api(regions: Sequence[str], endpoint: str | None, profile: str | None, sleep: Callable[[float], None]) -> Found:
    """Ask GetProducts for every service code and Region, all pages."""
    given = {"region_name": API_REGION} | ({"endpoint_url": endpoint} if endpoint else {})
    client = connection.connect(connection.session(profile), "pricing", connection.settings(1, None, None, None), given)
    try:
        for region in regions:
            for code in CODES:
                try:
                    yield code, region, _pages(client, code, region, sleep)
                except calling.errors() as error:
                    if code_of(error) in calling.CREDENTIALS:
                        calling.explain(error, "the price list could not be asked")
                    yield code, region, code_of(error)
    finally:
        client.close()


def _pages(client: Any, code: str, region: str, sleep: Callable[[float], None]) -> list[Product]:
    import orjson

    wanted = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    request: dict[str, Any] = {"ServiceCode": code, "Filters": wanted, "MaxResults": 100}
    products: list[Product] = []
    while True:
        page = calling.patiently(lambda: client.get_products(**request), sleep)
        products += [orjson.loads(text) for text in page.get("PriceList", ())]
        if not page.get("NextToken"):
            return products
        request["NextToken"] = page["NextToken"]

"""Prices beside the package's: overlays explained, net prices out of bills, new list prices, and what they change."""

import csv
import datetime as dt
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from bill_maker import legacy_csv, line, other

import bedrock_lab as lab
from bedrock_lab.bills.net_prices import net_prices
from bedrock_lab.bills.price_list import news, parse
from bedrock_lab.catalogue.pricelist import PriceRow, Spot
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.sources import price_list
from bedrock_lab.sources.price_list import refresh

DAY = dt.datetime(2026, 11, 2, 9)  # noqa: DTZ001 - CUR's timestamps name no zone
NOVA, SONNET = "amazon.nova-pro", "anthropic.claude-sonnet-4-6"
TODAY = date(2026, 11, 25)


def product(usage, usd, unit="1K tokens", code="AmazonBedrock", region="us-east-1", said="", day="2026-11-20", **facts):
    """Write a product as GetProducts does."""
    name = facts.pop("servicename", "Amazon Bedrock")
    attributes = {"servicecode": code, "servicename": name, "regionCode": region, "usagetype": usage, **facts}
    dimension = {"unit": unit, "description": said, "pricePerUnit": {"USD": usd}, "beginRange": "0", "endRange": "Inf"}
    term = {"priceDimensions": {"S.T.R": dimension}, "effectiveDate": f"{day}T00:00:00Z"}
    return {
        "product": {"productFamily": "Amazon Bedrock", "attributes": attributes, "sku": "S"},
        "terms": {"OnDemand": {"S.T": term}},
        "publicationDate": "2026-11-20T00:00:00Z",
    }


def read(*products):
    """Parse products against the package's prices."""
    return parse(products, lab.prices("2026-11-22"), TODAY, "aws-price-list@2026-11-25")


def prices_of(parsed):
    """Return prices by model, tier and bucket."""
    return {(r.model, r.scope, r.tier, r.bucket): r.usd_per_mtok for r in parsed.rows}


def test_the_first_product_of_a_kind_is_not_the_price():
    """Nova 2 Lite's custom-model product and Nova Pro's latency-optimised one stand first: neither is the price."""
    parsed = read(
        product("USE1-Nova2.0Lite-input-tokens-custom-model", "0.0003", feature="Model Customization"),
        product("USE1-Nova2.0Lite-input-tokens", "0.00033", feature="On-demand Inference"),
        product("USE1-NovaPro-input-tokens-latency-optimized", "0.001", inferenceType="Input tokens"),
        product("USE1-NovaPro-input-tokens", "0.0008", inferenceType="Input tokens"),
        product("USE1-NovaPro-input-tokens-batch", "0.0004", feature="Batch Inference"),
        product("USE1-Claude3.5Haiku-input-tokens", "0.001", inferenceType="Input tokens latency optimized"),
        product("USE1-NovaLite-input-tokens", "0.00006", feature="Model Customization"),
    )
    assert prices_of(parsed) == {
        ("amazon.nova-2-lite", "regional", "default", "input"): Decimal("0.33"),
        (NOVA, "regional", "latency-optimized", "input"): Decimal(1),
        (NOVA, "regional", "default", "input"): Decimal("0.8"),
        (NOVA, "regional", "batch", "input"): Decimal("0.4"),
        ("anthropic.claude-3-5-haiku", "regional", "latency-optimized", "input"): Decimal(1),
    }
    assert parsed.left_out == {"custom_model": 2}


@pytest.mark.parametrize(
    ("unit", "usd", "said"),
    [
        ("1K tokens", "0.0033", ""),
        ("1M tokens", "3.3", ""),
        ("tokens", "0.0000033", ""),
        ("Units", "3.3", "Million Input Tokens Regional"),
        ("Units", "0.0033", "Thousand Input Tokens"),
    ],
)
def test_every_unit_becomes_a_price_per_million(unit, usd, said):
    """1K tokens, 1M tokens, tokens and Units in millions or thousands are one price."""
    name = "Claude Sonnet 4.6 (Amazon Bedrock Edition)"
    found = read(
        product(
            "USE1-MP:USE1_InputTokenCount-Units",
            usd,
            unit,
            "AmazonBedrockFoundationModels",
            said=said,
            servicename=name,
        )
    )
    assert prices_of(found) == {(SONNET, "regional", "default", "input"): Decimal("3.3")}


def test_a_unit_that_is_off_by_a_thousand_is_left_out():
    """Units whose price would be a thousandth of the known one are not taken at their word."""
    name = "Claude Sonnet 4.6 (Amazon Bedrock Edition)"
    found = read(
        product(
            "USE1-MP:USE1_InputTokenCount-Units", "0.0033", "Units", "AmazonBedrockFoundationModels", servicename=name
        )
    )
    assert (found.rows, found.left_out) == ((), {"a unit that is off by a thousand": 1})


def test_what_is_no_price_of_tokens_is_counted():
    """Units, Reserved, mantle, unknown models and odd products are left out, each with why."""
    broken = product("USE1-NovaPro-input-tokens", "0.0008")
    broken["terms"]["OnDemand"]["S.T"]["priceDimensions"]["two"] = {"pricePerUnit": {"USD": "1"}}
    found = read(
        product("USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", "60.5", "hour"),
        product("USE1-anthropic.claude-opus-4-8-mantle-input-tokens-standard", "0.005"),
        product("USE1-NoSuchModel-input-tokens", "1"),
        product("USE1-NovaPro-input-tokens", "0.0008", "bananas"),
        product("USE1-NovaPro-input-tokens", "0"),
        product("USE1-NovaPro-input-tokens", "free"),
        product("MOON-NovaPro-input-tokens", "1", region="moon-1"),
        product("USE1-BoxUsage", "1", code="AmazonEC2"),
        broken,
    )
    assert found.rows == ()
    assert sum(found.left_out.values()) == 9
    assert found.unknown == ("USE1-NoSuchModel-input-tokens",)


def test_two_prices_for_one_thing_are_a_conflict():
    """Where products of one cell disagree neither is taken; where they agree one is."""
    found = read(
        product("USE1-Nova2.0Pro-text-input-tokens", "0.001375"),
        product("USE1-Nova2.0Pro-input-tokens", "0.001375"),
        product("USE1-NovaPro-input-tokens", "0.0008"),
        product("USE1-NovaPro-text-input-tokens", "0.0009"),
    )
    assert prices_of(found) == {("amazon.nova-2-pro", "regional", "default", "input"): Decimal("1.375")}
    assert found.conflicts == ("amazon.nova-pro us-east-1 regional default 0 input: 0.8, 0.9 USD",)


@pytest.fixture(scope="module")
def served():
    """Serve the catalogue's own prices as AWS's price list."""
    with lab.LocalAWS() as aws:
        aws.engine.now = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)
        yield aws


@pytest.mark.parametrize("way", ["bulk", "api"])
def test_the_price_list_read_back_is_the_catalogue(served, tmp_path, monkeypatch, way):
    """Every price of the served list is read as the catalogue has it: nothing is new, and nothing is written."""
    for name, value in served.env().items():
        monkeypatch.setenv(name, value)
    before = len(served.engine.shown())
    found = refresh(
        tmp_path / "p.csv",
        lab.prices("2026-11-22"),
        ["us-east-1", "eu-west-1"],
        way=way,
        endpoint_url=served.endpoint_url,
    )
    assert len(found.parsed.rows) > 1_500
    assert (found.new, found.parsed.conflicts, found.partial) == ((), (), None)
    assert not (tmp_path / "p.csv").exists()
    asked = {r["operation"] for r in served.engine.shown()[before:]} - {""}
    assert asked <= {"GetProducts"}


def refreshed(tmp_path, monkeypatch, *products, today=TODAY, missing=()):
    """Refresh from these products, whatever the way."""
    found = [("AmazonBedrock", "us-east-1", list(products)), *missing]
    monkeypatch.setattr(price_list, "_bulk", lambda *_: iter(found))
    return refresh(tmp_path / "p.csv", lab.prices("2026-11-22"), ["us-east-1"], today=today)


def test_new_prices_are_dated_rows_of_the_users_own_file(tmp_path, monkeypatch):
    """A changed price is a row from its day on, a second change another; the package's files stay as they are."""
    package = Path(lab.__file__).parent / "catalogue" / "data" / "prices" / "amazon.csv"
    held = package.read_bytes()
    dearer = product("USE1-NovaPro-input-tokens", "0.0009", day="2026-12-01")
    found = refreshed(tmp_path, monkeypatch, dearer, product("USE1-NovaPro-output-tokens", "0.0032"))
    assert [(r.model, r.bucket, str(r.usd_per_mtok)) for r in found.new] == [(NOVA, "input", "0.9")]
    path = str(tmp_path / "p.csv")
    spot = Spot(NOVA, "us-east-1", "in-region", "default")
    assert lab.prices("2026-11-30", refreshed=path).row(spot, "input").usd_per_mtok == Decimal("0.8")
    assert lab.prices("2026-12-01", refreshed=path).row(spot, "input").usd_per_mtok == Decimal("0.9")
    assert lab.prices("2026-12-01").row(spot, "input").usd_per_mtok == Decimal("0.8")
    first = (tmp_path / "p.csv").read_text().splitlines()
    again = product("USE1-NovaPro-input-tokens", "0.00095", day="2027-01-01")
    refreshed(tmp_path, monkeypatch, again, today=date(2027, 1, 2))
    assert (tmp_path / "p.csv").read_text().splitlines()[: len(first)] == first
    assert lab.prices("2027-01-02", refreshed=path).row(spot, "input").usd_per_mtok == Decimal("0.95")
    assert package.read_bytes() == held


def test_a_refresh_that_stops_halfway_says_what_is_missing(tmp_path, monkeypatch):
    """A service code that cannot be read leaves the others' rows and a partial result; none at all is exit 1."""
    missing = [("AmazonBedrockService", "us-east-1", "ThrottlingException")]
    found = refreshed(tmp_path, monkeypatch, product("USE1-NovaPro-input-tokens", "0.0009"), missing=missing)
    assert len(found.new) == 1
    assert found.to_dict()["partial"] == "AmazonBedrockService in us-east-1 (ThrottlingException)"
    with pytest.raises(LabError, match="could not be read: AmazonBedrockService"):
        refreshed(tmp_path, monkeypatch, missing=missing)


def test_rows_already_known_are_no_news(tmp_path, monkeypatch):
    """The same refresh twice adds nothing the second time."""
    dearer = product("USE1-NovaPro-input-tokens", "0.0009")
    assert len(refreshed(tmp_path, monkeypatch, dearer).new) == 1
    data = (tmp_path / "p.csv").read_bytes()
    assert refreshed(tmp_path, monkeypatch, dearer).new == ()
    assert (tmp_path / "p.csv").read_bytes() == data
    assert news((), lab.prices("2026-11-22")) == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["refresh", "--out", "p.csv"], "no Region given"),
        (["refresh", "--out", "p.csv", "--region", "moon"], "unknown Region"),
        (["refresh", "--out", "p.txt", "--region", "us-east-1"], "ends in .csv"),
        (["refresh", "--out", "absent/p.csv", "--region", "us-east-1"], "no such folder"),
        (["refresh", "--out", "p.csv", "--region", "us-east-1", "--from", "ftp"], "bulk, api"),
        (["refresh", "--out", "p.csv", "--region", "us-east-1", "--endpoint-url", "ftp://x"], "write it as https"),
        (["diff", "absent.csv"], "no such file"),
        (["diff", "other.csv"], "the columns are not"),
        (["diff", "bad.csv"], "bad.csv:2: no price row"),
        (["diff", "unknown.csv"], "unknown.csv:2: model no.such is not known"),
        (["overlay", "absent.toml"], "no such file"),
        (["from-bill", "absent.csv"], "no such file"),
        (["from-bill", "tax.csv"], "no price can be derived"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    """Each is exit 2 with what is wrong."""
    monkeypatch.chdir(tmp_path)
    head = ",".join(PriceRow._fields)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.csv").write_text(f"{head}\nx,y\n")
    row = "no.such,us-east-1,regional,default,0,input,1,,2026-11-01,2026-11-01,published,s,,yes,"
    (tmp_path / "unknown.csv").write_text(f"{head}\n{row}\n")
    (tmp_path / "tax.csv").write_text(legacy_csv([other("Tax", "1", DAY)]))
    assert run(["prices", *arguments]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)


def test_what_changed_and_what_it_means_for_a_trace(tmp_path, monkeypatch, capsys):
    """A price up by an eighth makes a trace of that bucket alone dearer by an eighth, in USD a month."""
    refreshed(tmp_path, monkeypatch, product("USE1-NovaPro-input-tokens", "0.0009"))
    lab.from_averages(1_000_000, 1_000, 1, days=14, model=NOVA).write(tmp_path / "t.parquet")
    asked = [
        "prices",
        "diff",
        str(tmp_path / "p.csv"),
        "--trace",
        str(tmp_path / "t.parquet"),
        "--date",
        "2026-11-25",
        "--json",
    ]
    assert run(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(c["model"], c["bucket"], c["before"], c["after"], c["change"]) for c in told["changes"]] == [
        (NOVA, "input", "0.8", "0.9", pytest.approx(0.125))
    ]
    # a million requests of 1,000 tokens a month at 0.1 USD more per million
    assert float(told["trace"]["difference_usd_per_month"]) == pytest.approx(100, rel=1e-3)
    assert set(told["trace"]["by_model"]) == {NOVA}
    assert run(asked[:-1]) == 0
    assert "USD a month become" in capsys.readouterr().out


def test_net_prices_of_a_bill_explain_the_bill(tmp_path, capsys):
    """An overlay derived from a bill prices the bill's own tokens at what was charged, to the cent."""
    rows = [
        line(SONNET, "output", 500_000, DAY, rate="14.85"),
        line(SONNET, "input", 123_457, DAY, rate="2.97"),
        line(NOVA, "input", 900_000, DAY),
    ]
    (tmp_path / "b.csv").write_text(legacy_csv(rows))
    out = tmp_path / "o.toml"
    assert run(["prices", "from-bill", str(tmp_path / "b.csv"), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = {
        (p["model"], p["bucket"]): (p["net_usd_per_mtok"], p["list_usd_per_mtok"], p["multiplier"])
        for p in told["prices"]
    }
    assert found == {
        (SONNET, "output"): ("14.85", "16.5", "0.9"),
        (SONNET, "input"): ("2.97", "3.3", "0.9"),
        (NOVA, "input"): ("0.8", "0.8", "1"),
    }
    assert "1 rows of USE1-MP:USE1_OutputTokenCount-Units" in out.read_text()
    prices = lab.prices("2026-11-22", str(out))
    cost = lab.price(lab.Usage(input_tokens=123_457, output_tokens=500_000), f"us.{SONNET}", prices=prices).cost_usd
    assert cost == rows[0]["line_item_unblended_cost"] + rows[1]["line_item_unblended_cost"]
    assert run(["prices", "from-bill", str(tmp_path / "b.csv"), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["prices", "overlay", str(out), "--date", "2026-11-22", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["idle"], len(told["rows"])) == ([], 4)


def test_a_long_context_price_of_a_bill_is_written_with_its_threshold(tmp_path, capsys):
    """0.44 instead of 0.55 above 100,000 tokens: the overlay prices such a request at it, a short one at the list."""
    haiku = "anthropic.claude-haiku-5-5"
    rows = [line(haiku, "input", 250_000, DAY, long=1, rate="0.44"), line(haiku, "input", 80_000, DAY)]
    (tmp_path / "b.csv").write_text(legacy_csv(rows))
    out = tmp_path / "o.toml"
    assert run(["prices", "from-bill", str(tmp_path / "b.csv"), "--out", str(out)]) == 0
    assert "cannot be written" not in capsys.readouterr().err
    assert "above_tokens = 100000" in out.read_text()
    prices = lab.prices("2026-11-22", str(out))
    costs = [lab.price(lab.Usage(input_tokens=n), f"us.{haiku}", prices=prices).cost_usd for n in (250_000, 80_000)]
    assert costs == [Decimal("0.11"), Decimal("0.0088")]
    assert run(["prices", "overlay", str(out), "--date", "2026-11-22", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"][1]["example"]["above_tokens"] == "100000"


def test_a_rate_that_changes_is_a_row_from_that_day(tmp_path):
    """Where an agreement begins in mid-month there are two rows, each with its first day."""
    days = [DAY + dt.timedelta(days=n) for n in range(4)]
    rows = [line(NOVA, "input", 1_000_000 + n, day, rate="0.8" if n < 2 else "0.72") for n, day in enumerate(days)]
    (tmp_path / "b.csv").write_text(legacy_csv(rows))
    found = net_prices(lab.read_bill(tmp_path / "b.csv"), lab.prices("2026-11-22"))
    assert [(r.effective, r.last, str(r.net_usd_per_mtok), r.rows, r.agreed) for r in found] == [
        ("2026-11-02", "2026-11-03", "0.8", 2, False),
        ("2026-11-04", "2026-11-05", "0.72", 2, True),
    ]


def test_an_overlay_is_explained_row_by_row(tmp_path, capsys):
    """A row says how many prices it decides, or why it changes none."""
    rows = [
        ("provider", "anthropic", "2026-10-01", "x 0.88 from 2026-10-01: "),
        ("usage_type", "USE1-NovaPro-input-tokens", "2026-10-01", "names a usage type"),
        ("model", NOVA, "2027-10-01", "not in force before 2027-10-01"),
        ("tier", "provisioned", "2026-10-01", "a price of capacity"),
    ]
    text = "".join(
        f'[[price]]\n{key} = "{value}"\neffective = {day}\nmultiplier = 0.88\nsource = "s"\n'
        for key, value, day, _ in rows
    )
    text += f'[[price]]\nmodel = "{NOVA}"\nscope = "global"\neffective = 2026-10-01\nmultiplier = 0.5\nsource = "s"\n'
    (tmp_path / "o.toml").write_text(text)
    assert run(["prices", "overlay", str(tmp_path / "o.toml"), "--date", "2026-11-22", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for entry, (*_, said) in zip(told["rows"], rows, strict=False):
        assert said in entry["says"]
    assert told["rows"][0]["applies"] > 100
    assert "no list price fits" in told["rows"][4]["says"]
    assert told["idle"] == [2, 3, 4, 5]


def test_show_has_list_and_net_and_the_users_rows(tmp_path, monkeypatch, capsys):
    """``prices show`` puts net beside list, and the refreshed rows beside the package's."""
    refreshed(tmp_path, monkeypatch, product("USE1-NovaPro-input-tokens", "0.0009"))
    monkeypatch.setenv("BEDROCK_LAB_PRICES", str(tmp_path / "p.csv"))
    (tmp_path / "o.toml").write_text(
        f'[[price]]\nmodel = "{NOVA}"\neffective = 2026-10-01\nmultiplier = 0.5\nsource = "s"\n'
    )
    asked = ["prices", "show", "--model", NOVA, "--overlay", str(tmp_path / "o.toml"), "--date", "2026-11-25", "--json"]
    assert run(asked) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    (mine,) = [r for r in rows if r["source"] == "aws-price-list@2026-11-25"]
    assert (mine["usd_per_mtok"], mine["net_usd_per_mtok"]) == ("0.9", "0.45")
    assert run(["price", "--model", NOVA, "--input-tokens", "1000000", "--date", "2026-11-25", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cost_usd"] == "0.9"


def test_the_users_file_has_the_packages_columns(tmp_path, monkeypatch):
    """The file can be read by eye, and by what reads the package's own."""
    refreshed(tmp_path, monkeypatch, product("USE1-NovaPro-input-tokens", "0.0009"))
    package = Path(lab.__file__).parent / "catalogue" / "data" / "prices" / "amazon.csv"
    with package.open() as ours, (tmp_path / "p.csv").open() as theirs:
        assert next(csv.reader(ours)) == next(csv.reader(theirs))
    with pytest.raises(InputError, match="lies in the package"):
        refresh(package, lab.prices("2026-11-22"), ["us-east-1"])

"""Bills read in every format: the same money whatever the format, unknown lines kept, broken ones counted."""

import csv
import datetime as dt
import io
import json
import os
import random
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from bill_maker import (
    BEDROCK,
    PAYER,
    cost_explorer_csv,
    legacy_csv,
    line,
    other,
    sample,
    write_cur2_parquet,
    write_legacy_gz,
    write_samples,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import bedrock_lab as lab
from bedrock_lab.bills.windows import trace_of_bill
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError

FULL = bool(os.environ.get("BEDROCK_LAB_FULL"))
SAMPLES = Path(__file__).parent / "data" / "bills"
REPORTS = ("cur2.snappy.parquet", "legacy.snappy.parquet", "legacy-00001.csv.gz")
H0 = dt.datetime(2026, 11, 2, 9)  # noqa: DTZ001 - CUR's timestamps name no zone
ROWS = [r for r in sample() if r["line_item_product_code"] != "AmazonEC2"]


def summed(rows, kind=None):
    """Sum the costs of rows."""
    return sum(
        (r["line_item_unblended_cost"] for r in rows if kind in {None, r["line_item_line_item_type"]}), Decimal(0)
    )


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_sums_to_what_was_charged(name):
    """Every report of the same rows gives the same exact money, kinds apart, other services out."""
    found = lab.read_bill(SAMPLES / name)
    told = found.to_dict()
    assert found.total_usd == summed(ROWS)
    assert told["net_usd"] == told["total_usd"]
    assert {k: Decimal(v) for k, v in told["by_kind"].items()} == {
        "usage": summed(ROWS, "Usage"),
        "discount": Decimal("-0.4"),
        "credit": Decimal("-1.5"),
        "refund": Decimal("-0.25"),
        "tax": Decimal("2.2"),
        "fee": Decimal(0),
    }
    assert (found.rows, found.other_rows, len(found.skipped)) == (len(ROWS), 1, 0)
    assert told["not_covered_usd"] == "0.55"
    assert told["unknown_usd"] == "0.123"
    assert sum(Decimal(entry["usd"]) for entry in told["lines"]) == found.total_usd


@pytest.mark.parametrize("name", REPORTS)
def test_lines_say_tokens_and_where(name):
    """Units of 1K tokens and of 1M become tokens; hours of a usage type are summed."""
    lines = {
        entry["usage_type"]: entry
        for entry in lab.read_bill(SAMPLES / name).to_dict()["lines"]
        if entry["kind"] == "usage"
    }
    nova = lines["USE1-NovaPro-input-tokens"]
    assert (nova["model"], nova["region"], nova["scope"], nova["tier"], nova["bucket"]) == (
        "amazon.nova-pro", "us-east-1", "in-region", "default", "input",
    )  # fmt: skip
    assert (nova["tokens"], nova["usage_amount"], nova["usd"], nova["rows"]) == ("3234567", "3234.567", "2.5876536", 2)
    opus = lines["USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units"]
    assert (opus["model"], opus["tokens"], opus["ttl"], opus["marketplace"]) == (
        "anthropic.claude-opus-5-5",
        "30000",
        "1h",
        True,
    )
    sonnet = lines["USE1-MP:USE1_OutputTokenCount-Units"]
    assert (sonnet["usd_per_mtok"], sonnet["usd"], sonnet["list_usd"]) == ("14.85", "0.7425", "0.825")
    assert lines["USE1-Something-Nobody-Knows"]["model"] is None
    assert lines["USE1-Something-Nobody-Knows"]["usd"] == "0.123"
    categories = {entry["category"] for entry in lines.values()}
    assert categories == {
        "tokens",
        "mantle",
        "provisioned",
        "reserved",
        "guardrail",
        "knowledge_base",
        "custom_model",
        "other",
    }


def test_cost_explorers_download_has_the_same_usage():
    """Cost Explorer's CSV gives the usage of its days; Marketplace's usage types name no model there."""
    found = lab.read_bill(SAMPLES / "cost-explorer.csv")
    assert found.total_usd == summed(ROWS, "Usage")
    lines = {entry["usage_type"]: entry for entry in found.to_dict()["lines"]}
    assert lines["USE1-NovaPro-input-tokens"]["tokens"] == "3234567"
    assert lines["USE1-MP:USE1_InputTokenCount-Units"]["model"] is None
    assert found.span == ("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z")


def test_the_samples_are_what_the_maker_writes(tmp_path):
    """The committed samples hold the maker's rows."""
    write_samples(tmp_path)
    for path in SAMPLES.iterdir():
        ours, made = lab.read_bill(path).to_dict(), lab.read_bill(tmp_path / path.name).to_dict()
        assert ours | {"source": ""} == made | {"source": ""}


def test_net_columns_amortised_costs_and_list_stand_beside_the_charge(tmp_path):
    """A report with net columns shows list, charged and net; without public costs list is unknown."""
    row = line("amazon.nova-pro", "input", 1_000_000, H0, rate="0.72", line_item_net_unblended_cost=Decimal("0.648"))
    (tmp_path / "a.csv").write_text(legacy_csv([row]))
    told = lab.read_bill(tmp_path / "a.csv").to_dict()
    assert (told["list_usd"], told["total_usd"], told["net_usd"]) == ("0.8", "0.72", "0.648")
    (tmp_path / "a.csv").write_text(legacy_csv([row | {"pricing_public_on_demand_cost": None}]))
    assert lab.read_bill(tmp_path / "a.csv").to_dict()["list_usd"] is None


def test_a_folder_is_read_whole_and_says_what_it_could_not(tmp_path):
    """Reports of a folder are summed; a file cut off is listed with its reason and makes the bill partial."""
    write_legacy_gz(tmp_path / "a-00001.csv.gz", ROWS[:4])
    write_cur2_parquet(tmp_path / "b.parquet", ROWS[4:])
    (tmp_path / "a-Manifest.json").write_text("{}")
    whole = lab.read_bill(tmp_path)
    assert whole.total_usd == summed(ROWS)
    assert whole.partial is None
    packed = (tmp_path / "a-00001.csv.gz").read_bytes()
    (tmp_path / "a-00001.csv.gz").write_bytes(packed[: len(packed) // 2])
    part = lab.read_bill(tmp_path)
    assert part.total_usd == summed(ROWS[4:])
    assert "cut off" in part.skipped[0].reason
    assert part.partial == "1 files could not be read"
    with pytest.raises(InputError, match="cut off"):
        lab.read_bill(tmp_path / "a-00001.csv.gz")


def test_of_a_report_kept_in_versions_the_last_counts(tmp_path):
    """Each update of a month's report stands in a folder of its own and holds everything anew: only the last counts."""
    for n, rows in enumerate((ROWS[:3], ROWS[:9])):
        folder = tmp_path / "20261101-20261201" / f"0000000{n}-aaaa-bbbb-cccc-000011112222"
        folder.mkdir(parents=True)
        write_legacy_gz(folder / "r-00001.csv.gz", rows)
        os.utime(folder / "r-00001.csv.gz", (1_000 + n, 1_000 + n))
    assert lab.read_bill(tmp_path).total_usd == summed(ROWS[:9])


def test_zip_and_tabs_are_read(tmp_path):
    """The legacy report's older packing is read too."""
    with zipfile.ZipFile(tmp_path / "r.csv.zip", "w") as archive:
        archive.writestr("r-1.csv", legacy_csv(ROWS))
    assert lab.read_bill(tmp_path / "r.csv.zip").total_usd == summed(ROWS)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("line_item_unblended_cost", "abc", "the cost is 'abc'; a number is allowed"),
        ("line_item_unblended_cost", "NaN", "the cost is 'NaN'"),
        ("line_item_usage_amount", "", "the usage amount is missing"),
        ("line_item_usage_amount", "-5", "the usage amount is -5"),
        ("line_item_currency_code", "CNY", "currency 'CNY'; only USD is read"),
        ("line_item_usage_start_date", "yesterday", "the start is 'yesterday', no time"),
    ],
)
def test_a_row_that_cannot_be_read_is_listed_with_its_line(tmp_path, column, value, said):
    """One bad cell leaves out its row, by file and line, and nothing else."""
    bad = ROWS[1] | {column: value}
    (tmp_path / "r.csv").write_text(legacy_csv([ROWS[0], bad, ROWS[2]]))
    found = lab.read_bill(tmp_path / "r.csv")
    assert [(s.line, said in s.reason) for s in found.skipped] == [(3, True)]
    assert found.total_usd == ROWS[0]["line_item_unblended_cost"] + ROWS[2]["line_item_unblended_cost"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "the columns are those of no bill known here"),
        (b'"Service","NovaPro($)"\n"2026-11-01","1"\n', "grouped by 'Service'; group Cost Explorer by usage type"),
        (b"PAR1 this is none", "cut off or damaged"),
        (b"PK\x03\x04 neither", "zip is cut off or damaged"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_what_is_no_bill_is_one_line(tmp_path, capsys, data, said):
    """A file that is no bill is exit 2 with what is wrong."""
    (tmp_path / "x.csv").write_bytes(data)
    assert run(["bill", str(tmp_path / "x.csv"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)


def test_the_command_prints_one_object_and_no_account(capsys, tmp_path):
    """``bill --json`` prints what CONTRACT says; accounts are in no output."""
    assert run(["bill", str(SAMPLES / REPORTS[0]), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert {"total_usd", "net_usd", "not_covered_usd", "lines"} <= set(told)
    assert {"usage_type", "model", "region", "scope", "tier", "bucket", "usage_amount", "usd", "net_usd"} <= set(
        told["lines"][0]
    )
    assert "bedrock-mantle is not covered" in err
    assert run(["bill", str(SAMPLES / REPORTS[0])]) == 0
    assert run(["trace", "from-bill", str(tmp_path / "t.parquet"), str(SAMPLES / REPORTS[0]), "--json"]) == 0
    rest = capsys.readouterr()
    everything = out + err + rest.out + rest.err + str(lab.read_bill(SAMPLES / REPORTS[0])._repr_html_())
    assert PAYER not in everything
    assert "arn:aws" not in everything
    data = (tmp_path / "t.parquet").read_bytes()
    assert PAYER.encode() not in data
    assert lab.read_bill(SAMPLES / REPORTS[0], identities=True).charges[0].account == PAYER


def test_a_shifted_row_names_no_account(tmp_path, capsys):
    """A row whose cells are shifted is listed without the account or ARN that stands in the wrong column."""
    arn = f"arn:aws:bedrock:us-east-1:{PAYER}:application-inference-profile/a1b2c3d4e5f6"
    wrong = [
        ROWS[1] | {"line_item_unblended_cost": arn},
        ROWS[1] | {"line_item_usage_start_date": PAYER + "x"},
        ROWS[1] | {"line_item_currency_code": PAYER},
    ]
    (tmp_path / "r.csv").write_text(legacy_csv([ROWS[0], *wrong]))
    assert run(["bill", str(tmp_path / "r.csv"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["skipped"]) == 3
    assert PAYER not in out + err
    assert "arn:aws" not in out + err


def test_regional_lines_of_models_that_need_a_profile_are_geo_windows():
    """A trace of a bill names the scope a model can be called in, at the same price."""
    frame = trace_of_bill(lab.read_bill(SAMPLES / REPORTS[0])).to_frame()
    scopes = {(m, s) for m, s in zip(frame["model"], frame["scope"], strict=True)}
    assert ("amazon.nova-pro", "in-region") in scopes
    assert ("anthropic.claude-sonnet-4-6", "geo") in scopes
    assert ("anthropic.claude-haiku-4-5", "global") in scopes


def test_accounts_keep_apart_by_their_hash():
    """Two accounts have two labels, and neither is the account."""
    accounts = {c.account for c in lab.read_bill(SAMPLES / REPORTS[0]).charges}
    assert all(a is None or a.startswith("acct-") for a in accounts)


def test_windows_of_a_bill_hold_its_tokens(tmp_path):
    """``trace from-bill`` makes hourly windows with the bill's tokens, priced as the bill; requests are unknown."""
    rows = [
        line("amazon.nova-pro", "input", 1_000, H0),
        line("amazon.nova-pro", "output", 50, H0),
        line("amazon.nova-pro", "input", 3_000, H0 + dt.timedelta(hours=2)),
        line("anthropic.claude-haiku-4-5", "cache_write_1h", 700, H0, scope="global"),
        other("Tax", "2", H0),
    ]
    write_cur2_parquet(tmp_path / "b.parquet", rows)
    assert run(["trace", "from-bill", str(tmp_path / "t.parquet"), str(tmp_path / "b.parquet")]) == 0
    trace = lab.read_trace(tmp_path / "t.parquet")
    assert (trace.kind, trace.window_s, trace.start_time, trace.period_s) == (
        "windows",
        3600.0,
        "2026-11-02T09:00:00Z",
        10_800.0,
    )
    frame = trace.to_frame()
    assert frame["input_tokens"].sum() == 4_000
    assert frame["cache_write_1h_tokens"].sum() == 700
    usage = [r for r in rows if r["line_item_line_item_type"] == "Usage"]
    assert lab.bill(trace, lab.prices("2026-11-22")).cost_usd == summed(usage)
    assert "number of requests: no window counts them" in lab.profile(trace).cannot_answer
    with pytest.raises(InputError, match="needs single requests"):
        trace.need_requests("prompt-cache")


def test_windows_need_rows_of_one_length(tmp_path):
    """Hours and days in one bill make no windows of one length."""
    day = line("amazon.nova-pro", "input", 1_000, H0, line_item_usage_end_date=H0 + dt.timedelta(days=1))
    (tmp_path / "b.csv").write_text(legacy_csv([line("amazon.nova-pro", "input", 1, H0), day]))
    mixed = lab.read_bill(tmp_path / "b.csv")
    with pytest.raises(InputError, match="its rows span 1 h, 24 h"):
        trace_of_bill(mixed)
    (tmp_path / "b.csv").write_text(legacy_csv([other("Tax", "2", H0)]))
    nothing = lab.read_bill(tmp_path / "b.csv")
    with pytest.raises(InputError, match="there is no traffic"):
        trace_of_bill(nothing)


def test_an_empty_month_is_no_error(tmp_path):
    """A report without a row of Bedrock sums to nothing and says so."""
    (tmp_path / "b.csv").write_text(legacy_csv([other("Usage", "3", H0, "BoxUsage", "AmazonEC2", "Amazon EC2", 1)]))
    found = lab.read_bill(tmp_path / "b.csv")
    assert (found.to_dict()["total_usd"], found.other_rows) == ("0", 1)
    assert "no row is of Bedrock" in found.notes[0]


AMOUNTS = st.integers(0, 10**12)


@given(
    st.lists(
        st.tuples(st.sampled_from(["input", "output", "cache_read"]), AMOUNTS, st.integers(0, 30)),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=200 if FULL else 25)
def test_totals_are_independent_of_order_and_format(tmp_path_factory, drawn):
    """However rows are ordered and written, tokens and USD are their sums."""
    rows = [line("amazon.nova-pro", b, n, H0 + dt.timedelta(hours=h)) for b, n, h in drawn]
    path = tmp_path_factory.mktemp("b") / "b.csv"
    path.write_text(legacy_csv(rows[::-1]))
    found = lab.read_bill(path)
    assert found.total_usd == summed(rows)
    tokens = {entry["bucket"]: Decimal(entry["tokens"]) for entry in found.to_dict()["lines"]}
    assert tokens == {b: sum(n for bucket, n, _ in drawn if bucket == b) for b in {b for b, _, _ in drawn}}


def read_or_none(path):
    """Read a bill; None where it is refused in one line."""
    try:
        return lab.read_bill(path)
    except InputError as error:
        if "\n" in str(error):
            raise
        return None


def test_mutated_bills_break_nothing(tmp_path):
    """Of any spoilt CSV every line is read or listed, and the total is an independent sum of the lines read."""
    rng = random.Random(7)
    lines = legacy_csv(ROWS * 3).splitlines()
    for number in range(4_000 if FULL else 150):
        spoilt = list(lines)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(1, len(spoilt))
            cut = rng.randrange(len(spoilt[at]) + 1)
            junk = "".join(rng.choice(',"\r0123456789-.eZ x') for _ in range(rng.randint(0, 4)))
            spoilt[at] = spoilt[at][:cut] + junk + spoilt[at][cut + rng.randint(0, 6) :]
        text = "\n".join(spoilt) + "\n"
        path = tmp_path / f"{number}.csv"
        path.write_text(text, newline="")
        found = read_or_none(path)
        if found is None:
            continue
        reader = csv.reader(io.StringIO(text, newline=""))
        head = next(reader)
        cells = [r for r in reader if r]
        assert found.rows + found.other_rows + len(found.skipped) == len(cells)
        bad = {s.line for s in found.skipped}
        again = csv.reader(io.StringIO(text, newline=""))
        next(again)
        total = Decimal(0)
        for row in again:
            if row and again.line_num not in bad and len(row) == len(head):
                kept = dict(zip(head, row, strict=True))
                bedrock = (
                    kept["lineItem/ProductCode"].startswith("AmazonBedrock")
                    or kept["product/servicecode"].startswith("AmazonBedrock")
                    or "(amazon bedrock edition)" in kept["product/ProductName"].lower()
                    or kept["product/ProductName"].lower().startswith("amazon bedrock")
                    or ("MP:" in kept["lineItem/UsageType"] and BEDROCK not in kept["lineItem/ProductCode"])
                )
                total += Decimal(kept["lineItem/UnblendedCost"]) if bedrock else 0
        assert found.total_usd == total


def test_mutated_parquet_breaks_nothing(tmp_path):
    """Spoilt parquet is one line, or read."""
    rng, data = random.Random(3), (SAMPLES / REPORTS[0]).read_bytes()
    for number in range(3_000 if FULL else 100):
        spoilt = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            spoilt[rng.randrange(4, len(spoilt))] = rng.randrange(256)
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(bytes(spoilt))
        found = read_or_none(path)
        if found is not None:
            assert found.rows + found.other_rows + len(found.skipped) == pq.ParquetFile(path).metadata.num_rows


def test_cost_explorers_cells_are_counted(tmp_path):
    """A cell that is no number leaves out its day, listed with its line."""
    text = cost_explorer_csv([ROWS[0], ROWS[1]]).replace('"3234.567"', '"x"')
    (tmp_path / "ce.csv").write_text(text, newline="")
    with pytest.raises(InputError, match="the usage is 'x'"):
        lab.read_bill(tmp_path / "ce.csv")

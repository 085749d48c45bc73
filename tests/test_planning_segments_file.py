"""A file of segments that is right, as Python and the command line read it; what more freedom may never cost."""

import json
import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from segment_hours import hourly

from bedrock_lab.catalogue import prices
from bedrock_lab.cli.main import run
from bedrock_lab.planning.planner import plan
from bedrock_lab.planning.segments.reading import asked_of, read_segments
from bedrock_lab.planning.segments.segment import Segment, Substitute
from bedrock_lab.planning.segments.segmenting import plan_segments
from bedrock_lab.route.evaluation import evaluate_routes
from bedrock_lab.route.labels import labels_of

P = prices("2026-11-22")
SONNET = "us.anthropic.claude-sonnet-4-6"
LITE = "us.amazon.nova-lite-v1:0"
FILE = f"""
by = "app"

[[segment]]
name = "chat"
app = ["chat", "help"]
models = "{SONNET},{LITE}"
slo = {{ttft_p95 = 1.5}}
option = "on-demand"
assume = {{growth = "0.9..1.1"}}
quality_needed = 0.8

[[segment.substitute]]
model = "{LITE}"
share = 0.4
quality_at_least = 0.82
quality_source = "1,000 labels of a test"

[[segment]]
name = "night"
app = "etl"
option = ["on-demand", "batch"]
allow_scopes = ["geo"]
deferrable = 1
deadline_h = 48

[units."{SONNET}"]
input_tpm = 100_000
output_tpm = "18000..22000"
price = {{1m = 44, 6m = 30}}
"""
READ = (
    Segment(
        name="chat", app=["chat", "help"], models=f"{SONNET},{LITE}", slo={"ttft_p95": 1.5}, option="on-demand",
        assume={"growth": "0.9..1.1"}, quality_needed=0.8,
        substitutes=(
            Substitute(model=LITE, share=0.4, quality_at_least=0.82, quality_source="1,000 labels of a test"),
        ),
    ),
    Segment(
        name="night", app="etl", option=["on-demand", "batch"], allow_scopes=["geo"], deferrable=1, deadline_h=48
    ),
)  # fmt: skip


@pytest.fixture
def file(tmp_path):
    """Write the file."""
    path = tmp_path / "segments.toml"
    path.write_text(FILE)
    return path


def test_what_a_file_says(file):
    """Is what the same segments in Python say; a model's unit figures are under its catalogue id."""
    found = read_segments(file)
    assert found.by == "app"
    assert found.segments == READ
    assert found.units == {
        "anthropic.claude-sonnet-4-6": {
            "input_tpm": 100_000, "output_tpm": "18000..22000", "price": {"1m": 44, "6m": 30}
        }
    }  # fmt: skip


def test_a_file_of_a_column(tmp_path):
    """Needs no segment."""
    path = tmp_path / "by.toml"
    path.write_text('by = "app,model"\n')
    found = read_segments(path)
    assert (found.by, found.segments, found.units) == ("app,model", (), {})


def test_plain_values_are_read_back(file):
    """`Segment.to_dict` is what a file would say."""
    said = json.loads(json.dumps([s.to_dict() for s in read_segments(file).segments]))
    assert asked_of({"segment": said}).segments == READ


def test_the_command_line(file, tmp_path, capsys):
    """Figures by hand.

    100 requests of 100k in and 10k out cost 10 x 3.30 + 16.50 = 49.50 USD an hour, with the substitute 10 x 0.06 + 0.24
    = 0.84, and a month is 730 h: chat costs 0.6 x 49.50 + 0.4 x 0.84 = 30.036 an hour, night half of 49.50 by batch,
    and web, which no segment names, 49.50.
    """
    trace = tmp_path / "hours.csv"
    rows = [f"{i * 36},{app},{SONNET},us-east-1,100000,10000" for i in range(400) for app in ("chat", "etl", "web")]
    trace.write_text("\n".join(["time_s,app,model,region,input_tokens,output_tokens", *rows]) + "\n")
    asked = ["plan", str(trace), "--segments", str(file), "--date", "2026-11-22", "--period-s", "14400",
             "--option", "on-demand"]  # fmt: skip
    assert run([*asked, "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    found = json.loads(out)
    cost = {s["name"]: s["cost_usd_per_month"] for s in found["segments"]}
    assert cost == pytest.approx({"chat": 30.036 * 730, "night": 24.75 * 730, "web": 49.5 * 730})
    assert found["baseline"]["cost_usd_per_month"] == pytest.approx(3 * 49.5 * 730)
    assert run(asked) == 0
    text, _ = capsys.readouterr()
    for name in ("chat", "night", "web", "1,000 labels of a test"):
        assert name in text
    assert "Traceback" not in err


def test_a_saved_policy_is_a_substitute(tmp_path):
    """Its share is what the weak model answers; its bound that of the mean of as many other prompts, by Student's t."""
    rng, n = np.random.default_rng(5), 3000
    lengths = rng.integers(3, 100, n)
    weak, strong = (lengths < 50) * (rng.random(n) < 0.97), rng.random(n) < 0.97
    prompts = [f"{i} " + "word " * int(words) for i, words in enumerate(lengths)]
    labels = labels_of(prompts, weak.astype(float), strong.astype(float), weak_name=LITE, strong_name=SONNET)
    policy = evaluate_routes(labels, ["word_count"], today=date(2026, 11, 22)).recommended.policy
    policy.save(tmp_path / "policy.json")
    path = tmp_path / "segments.toml"
    path.write_text(f'[[segment]]\nname = "chat"\n[[segment.substitute]]\nmodel = "{LITE}"\npolicy = "policy.json"\n')
    held = read_segments(path).segments[0].substitutes[0]
    sent = np.array([policy.strong(p) for p in prompts])
    quality = np.where(sent, strong, weak).astype(float)
    error = quality.std(ddof=1) / math.sqrt(n) * math.sqrt(2)
    assert held.share == pytest.approx(1 - sent.mean())
    assert held.quality_at_least == pytest.approx(quality.mean() - stats.t.ppf(0.95, n - 1) * error)
    for words in ("route policy of 3,000 labels", "2026-11-22", LITE, SONNET):
        assert words in held.quality_source


HOURS = st.lists(st.integers(0, 30).map(lambda m: (m * 1_000_000, m * 100_000)), min_size=2, max_size=4)
TRAFFIC = st.fixed_dictionaries({"a": HOURS, "b": HOURS}).map(
    lambda apps: {
        name: [(1_000, 100), *hours, *[(0, 0)] * (4 - len(hours)), (1_000, 100)] for name, hours in apps.items()
    }
)
PAID = {"model": SONNET, "shape": "flat", "explain": False, "unit_input_tpm": 100_000, "unit_output_tpm": 20_000}
WAYS = ("batch", "provisioned", "priority")


@given(apps=TRAFFIC, few=st.sets(st.sampled_from(WAYS)), more=st.sets(st.sampled_from(WAYS)),
       waits=st.sampled_from([0.0, 0.3, 1.0]), price=st.floats(5, 60))  # fmt: skip
@settings(max_examples=8, deadline=None, derandomize=True)
def test_more_options_are_never_dearer(apps, few, more, waits, price):
    """A segment that may also buy otherwise costs no more, nor does the whole."""
    trace, cost = hourly(apps), []
    for allowed in (few, few | more):
        segment = Segment(name="a", app="a", option=["on-demand", *sorted(allowed)], deferrable=waits)
        asked = {**PAID, "option": "on-demand,provisioned", "unit_price": {"1m": price}}
        cost.append(plan_segments(trace, P, segments=[segment], **asked).recommended.cost_usd_per_month)
    assert cost[1] <= cost[0] * (1 + 1e-9)


@given(apps=TRAFFIC, price=st.floats(5, 60))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_together_is_never_dearer_than_apart(apps, price):
    """Two apps planned together cost no more than each planned alone, and shared capacity less than its parts."""
    asked = {**PAID, "option": "on-demand,provisioned", "unit_price": {"1m": price}}
    together = plan_segments(hourly(apps), P, by="app", **asked)
    apart = [plan(hourly({name: hours}), P, **asked).recommended.cost_usd_per_month for name, hours in apps.items()]
    assert together.recommended.cost_usd_per_month <= sum(apart) * (1 + 1e-9)
    for shared in together.shared:
        assert shared.usd_per_month < shared.apart_usd_per_month
        assert sum(shared.shares.values()) == pytest.approx(1)

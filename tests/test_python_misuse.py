"""What is no Trace, and what counts for nothing, is one line in Python too."""

import pytest

import bedrock_lab as lab
from bedrock_lab.errors import InputError

TAKE_A_TRACE = {
    "profile": {},
    "bill": {},
    "plan": {},
    "simulate": {},
    "quota": {"model": "amazon.nova-pro", "tpm": 1000},
    "prompt_cache": {"model": "amazon.nova-pro"},
}


@pytest.fixture(scope="module")
def trace():
    """Return a small trace."""
    return lab.from_averages(requests_per_month=100_000, input_mean=500, output_mean=100)


@pytest.mark.parametrize("name", sorted(TAKE_A_TRACE))
@pytest.mark.parametrize("given", ["requests.csv", 5, {}])
def test_what_is_no_trace_is_said(name, given):
    """A path names the function that reads it; anything else its type."""
    said = r"lab.read_trace\('requests.csv'\)" if isinstance(given, str) else "is no Trace"
    with pytest.raises(InputError, match=said):
        getattr(lab, name)(given, **TAKE_A_TRACE[name])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"usd_per_hour": 5.0}, "usd_per_hour 5.0 counts for nothing without capacity"),
        ({"overflow": False}, "overflow False counts for nothing"),
        ({"burndown": 5, "rpm": 10}, "burndown 5 counts for nothing without a quota of tokens"),
        ({"burst_s": 5}, "burst_s 5 counts for nothing"),
        ({"max_wait_s": 5}, "something to wait for"),
        ({"deadline_h": 5}, "requests that can wait"),
        ({"tpm": "abc"}, "tpm 'abc': allowed is a number above 0"),
        ({"tpm": 0}, "tpm 0: allowed is a number above 0"),
        ({"servers": 0}, "0 requests at a time"),
    ],
)
def test_limits_that_count_for_nothing_are_refused(trace, asked, said):
    """An option without its partner is no silent default."""
    with pytest.raises(InputError, match=said):
        lab.simulate(trace, model="amazon.nova-pro", **asked)


def test_limits_with_their_partners_count(trace):
    """The same values with what they need are taken."""
    found = lab.simulate(
        trace, model="amazon.nova-pro", input_tpm=50_000, output_tpm=10_000, usd_per_hour=5.0, overflow=False
    )
    assert found.to_dict()["cost_usd"] is not None


def test_a_quota_names_whose_rows_there_are(trace):
    """A trace of another model says which models its rows call."""
    import dataclasses

    table = trace.table.append_column("model", [["us.anthropic.claude-sonnet-4-6"] * len(trace)])
    other = dataclasses.replace(trace, table=table) if "model" not in trace.table.column_names else trace
    with pytest.raises(InputError, match=r"its rows call us\.anthropic\.claude-sonnet-4-6"):
        lab.quota(other, model="amazon.nova-pro", tpm=1000)


def test_a_latency_fit_is_no_name():
    """A string is no fit."""
    with pytest.raises(InputError, match="is no fit"):
        lab.predict_latency("m.json")

"""Routed calls on the local AWS: decisions in the records, stand-ins, breakers, cascades and audits, accounted for."""

from decimal import Decimal

import pytest
from batch_runs import log

import bedrock_lab as lab
from bedrock_lab.client.asking import ROUTE
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.route.policy import Policy
from bedrock_lab.route.router import REFUSED

WEAK, STRONG = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-6"
OTHER_SCOPE = "global.anthropic.claude-sonnet-4-6"
FAST = {"models": {"*": {"ttft_s": 0, "gap_s": 0, "output_tokens": 20}}}
PRICES = lab.prices("2026-11-22")


def say(text):
    """Make the arguments of a call."""
    return {"messages": [{"role": "user", "content": [{"text": text}]}], "inferenceConfig": {"maxTokens": 50}}


@pytest.fixture
def opened():
    """Return a maker of (local AWS, client, records), closed at the end."""
    closing = []

    def make(faults=(), **more):
        aws = lab.LocalAWS(profile={**FAST, "faults": list(faults)})
        aws.__enter__()
        records = []
        client = lab.Client(**aws.client_kwargs(), prices=PRICES, sinks=[records.append], max_attempts=1, **more)
        closing.append((client, aws))
        return aws, client, records

    yield make
    for client, aws in closing:
        client.close()
        aws.__exit__(None, None, None)


def by_words(client, **more):
    """Route prompts of three words or more to the strong model."""
    return lab.Router(client, Policy(name="word_count"), threshold=3, weak=WEAK, strong=STRONG, **more)


def test_a_policy_decides_and_the_record_says_so(opened):
    """Short prompts go to the weak model, long ones to the strong; records hold reason and cost."""
    _, client, records = opened()
    router = by_words(client)
    short, long = router.converse(**say("Hi")), router.converse(**say("Why is this so?"))
    client.flush()
    assert (short.record.model, long.record.model) == ("amazon.nova-lite", "anthropic.claude-sonnet-4-6")
    assert [r.route for r in records] == ["word_count 1 < 3", "word_count 4 >= 3"]
    assert records[1].to_dict()["route"] == "word_count 4 >= 3"
    assert short.decision.cost_usd == short.record.cost_usd > 0
    assert long.decision.to_dict()["attempts"] == [{"model": STRONG, "outcome": "ok", "error_code": None}]
    assert ROUTE.get() is None
    client.converse(modelId=WEAK, **say("Hi"))
    client.flush()
    assert "route" not in records[-1].to_dict()


def test_streams_are_routed_too(opened):
    """The same decision; the record is there when the stream has ended."""
    _, client, _ = opened()
    with by_words(client).stream(**say("Why is this so?")) as stream:
        for _ in stream:
            pass
    assert (stream.record.model, stream.record.route) == ("anthropic.claude-sonnet-4-6", "word_count 4 >= 3")


def test_what_is_busy_is_replaced_in_the_stated_order(opened):
    """A throttled scope, then another scope of the same model, then the other model; each call has its record."""
    fault = {"operation": "Converse", "error": "ThrottlingException", "calls": [1, 2]}
    _, client, records = opened([fault])
    found = by_words(client, instead={STRONG: (OTHER_SCOPE, WEAK)}).converse(**say("Why is this so?"))
    client.flush()
    assert [a.model for a in found.decision.attempts] == [STRONG, OTHER_SCOPE, WEAK]
    assert [a.record.outcome for a in found.decision.attempts] == ["throttled", "throttled", "ok"]
    assert found.decision.model == WEAK
    assert records[2].route == f"word_count 4 >= 3; in place of {STRONG}"
    assert found.decision.cost_usd == sum((r.cost_usd for r in records), Decimal(0)) == found.record.cost_usd


@pytest.mark.parametrize("most_calls", [1, 2, 4])
def test_no_storm_of_retries(opened, most_calls):
    """Where everything is throttled, calls are bounded by most_calls, and the last error is the caller's."""
    aws, client, _ = opened([{"error": "ThrottlingException", "rate": 1.0}])
    router = by_words(client, most_calls=most_calls, breaker_after=100)
    for _ in range(5):
        with pytest.raises(client.boto3_client.exceptions.ThrottlingException):
            router.converse(**say("Hi"))
    assert len(log(aws)) == 5 * min(2, most_calls)


def test_an_error_that_is_no_business_of_the_router_is_raised_at_once(opened):
    """A validation error is not sent elsewhere."""
    aws, client, _ = opened([{"operation": "Converse", "error": "ValidationException", "rate": 1.0}])
    with pytest.raises(client.boto3_client.exceptions.ValidationException):
        by_words(client).converse(**say("Hi"))
    assert len(log(aws)) == 1


def test_a_breaker_opens_rests_and_closes(opened):
    """After two failures in a row the model is left alone; once it has rested one call tries it, and it is back."""
    _, client, _ = opened([{"operation": "Converse", "error": "ServiceUnavailableException", "calls": [1, 3]}])
    router = by_words(client, breaker_after=2, rest_s=60)
    for _ in range(2):  # each fails at the weak model and is answered by the strong one
        assert [a.model for a in router.converse(**say("Hi")).decision.attempts] == [WEAK, STRONG]
    assert router.breakers[WEAK].open
    resting = router.converse(**say("Hi"))
    assert resting.decision.left_out == [(WEAK, "left alone after failures in a row")]
    assert [a.model for a in resting.decision.attempts] == [STRONG]
    router.breakers[WEAK]._again_s = 0.0  # the rest is over
    assert [a.model for a in router.converse(**say("Hi")).decision.attempts] == [WEAK]
    assert not router.breakers[WEAK].open


def test_where_everything_rests_nothing_is_called(opened):
    """One line says which models are left alone; nothing is sent."""
    aws, client, _ = opened()
    router = by_words(client, breaker_after=1, rest_s=60)
    for breaker in router.breakers.values():
        breaker.failed()
        breaker.lets()
    with pytest.raises(LabError, match="no model was called"):
        router.converse(**say("Hi"))
    assert log(aws) == []


def test_a_cascade_pays_for_both(opened):
    """What fails the check is asked again of the strong model; the bill is that of both calls."""
    _, client, records = opened()
    router = lab.Router(client, weak=WEAK, strong=STRONG, cascade=True, check=lambda _: False)
    found = router.converse(**say("Hi"))
    client.flush()
    assert [r.model for r in records] == ["amazon.nova-lite", "anthropic.claude-sonnet-4-6"]
    assert found.decision.cost_usd == records[0].cost_usd + records[1].cost_usd
    assert found.record.model == "anthropic.claude-sonnet-4-6"
    assert records[1].route == "cascade: the weak answer failed the check"
    content = lab.Router(client, weak=WEAK, strong=STRONG, cascade=True, check=lambda _: True).converse(**say("Hi"))
    assert [a.model for a in content.decision.attempts] == [WEAK]


def test_a_cascade_goes_on_where_the_answer_stops_short(opened):
    """A weak answer cut at max_tokens is no answer."""
    _, client, _ = opened()
    asked = {**say("Hi"), "inferenceConfig": {"maxTokens": 5}}
    found = lab.Router(client, weak=WEAK, strong=STRONG, cascade=True).converse(**asked)
    assert found.decision.reason == "cascade: the weak answer stopped by max_tokens"
    with pytest.raises(InputError, match="does not stream"):
        lab.Router(client, weak=WEAK, strong=STRONG, cascade=True).stream(**asked)


def test_a_cascade_goes_on_at_every_stop_that_is_no_answer():
    """Of botocore's stop reasons all go on but those of an answer that ended by itself or asks for a tool."""
    from botocore.loaders import Loader

    model = Loader().load_service_model("bedrock-runtime", "service-2")
    assert set(model["shapes"]["StopReason"]["enum"]) - REFUSED == {"end_turn", "tool_use", "stop_sequence"}


def test_an_audit_asks_both_and_changes_nothing(opened):
    """All calls audited: the answer is the one decided for, and the other's cost is its own record's."""
    _, client, records = opened()
    router = by_words(client, audit=1.0)
    found = router.converse(**say("Hi"))
    client.flush()
    (shadow,) = router.shadows
    assert (found.record.model, shadow.beside.record.model) == ("amazon.nova-lite", "anthropic.claude-sonnet-4-6")
    assert found.decision.cost_usd == found.record.cost_usd
    assert [r.route for r in records] == ["word_count 1 < 3", "audit"]
    sampled = by_words(client, audit=0.3, seed=1)
    for i in range(40):
        sampled.converse(**say(f"Hi {i}"))
    assert 4 <= len(sampled.shadows) <= 22  # 12 expected of 40; 99.9 % by the binomial law


def test_a_failed_audit_costs_no_answer(opened):
    """The shadow call throttled: the answer is there, and so is the record of the failure."""
    _, client, _ = opened([{"operation": "Converse", "error": "ThrottlingException", "calls": [2]}])
    router = by_words(client, audit=1.0)
    assert router.converse(**say("Hi")).text
    assert router.shadows[0].beside is None
    assert router.shadows[0].other_record.outcome == "throttled"


def test_the_response_cache_knows_which_model_answered(opened, tmp_path):
    """The same prompt routed otherwise is another request; routed alike it is a hit."""
    _, client, _ = opened(cache=f"sqlite:///{tmp_path}/a.db")
    router = by_words(client)
    ask = say("Hi")
    assert router.converse(**ask).record.cache == "miss"
    assert router.converse(**ask).record.cache == "hit"
    other = lab.Router(client, Policy(name="word_count"), threshold=1, weak=WEAK, strong=STRONG)
    assert other.converse(**ask).record.cache == "miss"


def test_the_budget_holds_for_every_call(opened):
    """What is left of the budget does not cover a call: it is not sent, and no other is."""
    from bedrock_lab.client.failures import BudgetError

    aws, client, _ = opened(budget=lab.Budget("0.0000001"))
    with pytest.raises(BudgetError):
        by_words(client).converse(**say("Hi"))
    assert log(aws) == []


def test_a_prompt_too_long_for_a_model_goes_past_it(opened):
    """A context that surely cannot hold the request is passed over, and why is said."""
    _, client, _ = opened()
    router = by_words(client)
    router.context[STRONG] = 40
    found = router.converse(**say("Why is this so?"))
    assert found.decision.left_out[0][0] == STRONG
    assert found.record.model == "amazon.nova-lite"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"policy": None}, "give a policy, or cascade=True"),
        ({"threshold": None}, "has no threshold"),
        ({"audit": 1.5}, "audit 1.5"),
        ({"most_calls": 0}, "most_calls 0"),
        ({"check": len}, "check is of a cascade"),
        ({"weak": "anthropic.claude-v2"}, "end of life"),
        ({"strong": "anthropic.claude-sonnet-4-6"}, "cannot be invoked"),
    ],
)
def test_a_router_that_cannot_work_is_refused_at_the_start(opened, asked, said):
    """One line, and nothing is sent."""
    aws, client, _ = opened()
    given = {"policy": Policy(name="word_count"), "threshold": 3, "weak": WEAK, "strong": STRONG, **asked}
    with pytest.raises(InputError, match=said):
        lab.Router(client, given.pop("policy"), **given)
    with pytest.raises(InputError, match="the router chooses it"):
        by_words(client).converse(modelId=WEAK, **say("Hi"))
    assert log(aws) == []

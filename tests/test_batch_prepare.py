"""Inputs of batch runs: read in every form, every line checked before anything is written, priced, kept in order."""

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from decimal import Decimal

import pytest
from batch_inputs import (
    CLAUDE,
    NOVA,
    PRICES,
    lines_of,
    prepared,
    questions,
    write_lines,
)
from batch_runs import BUCKET, job_at, local_aws
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_lab.batch.callee import callee, wanted
from bedrock_lab.batch.prepared import read_prepared
from bedrock_lab.batch.problems import ProblemsError
from bedrock_lab.batch.records import Writer
from bedrock_lab.cli import batch_input
from bedrock_lab.errors import InputError

FULL = bool(os.environ.get("BEDROCK_LAB_FULL"))
INPUTS = 1000 if FULL else 20
GIVEN = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


# order, identity, atomicity


def test_lines_keep_their_order_over_the_shards(tmp_path):
    """Record i of the input is the i-th line over the shards, each a file whose hash and counts are told."""
    found = prepared(tmp_path, questions(1001), records_per_shard=300)
    assert [line["recordId"] for line in lines_of(tmp_path / "out")] == [f"r{i}" for i in range(1001)]
    assert [shard.records for shard in found.shards] == [250, 250, 250, 251]
    for shard in found.shards:
        body = (tmp_path / "out" / "shards" / shard.name).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (shard.size_bytes, shard.sha256)
        assert body.count(b"\n") == shard.records
    assert sum(shard.size_bytes for shard in found.shards) == found.size_bytes


def test_read_back_whole(tmp_path):
    """What was prepared is read back as it was, amounts to the last digit."""
    found = prepared(tmp_path, questions(150), CLAUDE)
    assert read_prepared(tmp_path / "out") == found
    assert json.dumps(found.to_dict())
    assert list(found.to_frame()["records"]) == [150]


def test_the_digest_is_of_what_makes_the_jobs(tmp_path):
    """The same input gives the same digest wherever it lies; another text, model, order or maximum another one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    base = questions(120)
    first = prepared(tmp_path / "a", base)
    assert prepared(tmp_path / "b", base, name="other.jsonl").digest == first.digest
    others = [
        prepared(tmp_path / "b", [*base[:-1], {"recordId": "r119", "prompt": "Another"}]),
        prepared(tmp_path / "b", base[::-1]),
        prepared(tmp_path / "b", base, max_tokens=7),
        prepared(tmp_path / "b", base, "amazon.nova-pro"),
        prepared(tmp_path / "b", base, kind="Converse"),
        prepared(tmp_path / "b", base, region="us-west-2"),
    ]
    assert len({first.digest, *(found.digest for found in others)}) == 7


def test_a_refused_input_changes_nothing(tmp_path):
    """What a folder held stays when the next input is wrong, and nothing half-written is left, nor a new folder."""
    with pytest.raises(ProblemsError):
        prepared(tmp_path, ["{"])
    assert not (tmp_path / "out").exists()
    found = prepared(tmp_path, questions(120))
    with pytest.raises(ProblemsError):
        prepared(tmp_path, [*questions(120), "{"])
    assert read_prepared(tmp_path / "out") == found
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["prepared.json", "shards"]
    prepared(tmp_path, questions(101))
    assert len(lines_of(tmp_path / "out")) == 101


def test_what_a_killed_one_left_goes(tmp_path):
    """A folder of lines left by a process that died is cleared."""
    (tmp_path / "out" / ".prepare" / "shards").mkdir(parents=True)
    (tmp_path / "out" / ".prepare" / "lines").write_text("half", encoding="utf-8")
    prepared(tmp_path, questions(120))
    assert not (tmp_path / "out" / ".prepare").exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    """A file in the place of the folder is said in one line."""
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        prepared(tmp_path, questions(120))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model": 1}'])
def test_a_broken_prepared_json(tmp_path, text):
    """A file that is none of ours is refused with the command that makes one."""
    with pytest.raises(InputError, match="batch prepare"):
        read_prepared(tmp_path)
    (tmp_path / "prepared.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="run bedrock-lab batch prepare again"):
        read_prepared(tmp_path)


# models, scopes, limits


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", {}, "passed its end of life on 2026-09-10; its replacement"),
        ("anthropic.claude-sonnet-4-6", {}, "call us.anthropic.claude-sonnet-4-6"),
        ("mistral.mistral-large-2407", {}, "has no batch inference (in-region, us-east-1)"),
        ("amazon.nova-lite", {"scope": "global"}, "has no global profile"),
        ("us.amazon.nova-lite-v1:0", {"scope": "global"}, "contradicts the prefix"),
        ("amazon.nova-lite-v1:0:24k", {}, "of provisioned throughput"),
        ("amazon.nova-lite", {"kind": "converse"}, "--kind 'converse': allowed are InvokeModel and Converse"),
        ("amazon.nova-lite", {"max_tokens": 0}, "--max-tokens 0: allowed"),
        ("amazon.nova-lite", {"max_tokens": 10**7}, "tokens at most"),
        ("amazon.nova-lite", {"output_tokens": -1}, "--output-tokens -1"),
        ("amazon.nova-lite", {"records_per_shard": 99}, "--records-per-shard 99: allowed is 100 or more"),
        ("amazon.nova-lite", {"records_per_shard": 100}, "allowed is 150 or more"),
        ("amazon.titan-embed-text-v2", {"kind": "Converse"}, "does not converse"),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl", {}, "provisioned-model"),
        ("no.such-model", {}, "unknown model"),
    ],
)
def test_models_and_settings_that_cannot_be(tmp_path, model, more, said):
    """What no job can be made of is refused before the input is read through, in one line."""
    with pytest.raises(InputError, match=re.escape(said)):
        prepared(tmp_path, questions(150), model, **more)
    assert not (tmp_path / "out" / "prepared.json").exists()


def test_the_id_a_job_is_made_with(tmp_path):
    """A catalogue id becomes the id Bedrock takes; a scope becomes its profile."""
    assert prepared(tmp_path, questions(100)).sent_id == "amazon.nova-lite-v1:0"
    assert prepared(tmp_path, questions(100), scope="geo").sent_id == "us.amazon.nova-lite-v1:0"
    assert prepared(tmp_path, questions(100), CLAUDE).sent_id == CLAUDE


# tokens and money


def test_costs_by_hand(tmp_path):
    """100 prompts of 400 bytes at Sonnet 4.6: 108 tokens each in, half of 200 out; at worst 500 and 200.

    Batch costs 1.65 and 8.25 USD per million, on demand 3.30 and 16.50 (price page of 2026).
    """
    found = prepared(
        tmp_path, [{"recordId": f"{i:03}", "prompt": "a" * 400} for i in range(100)], CLAUDE, max_tokens=200
    )
    assert (found.input_tokens, found.expected_output_tokens) == (100 * 108, 100 * 100)
    assert (found.input_bound_tokens, found.max_output_tokens) == (100 * 500, 100 * 200)
    assert found.expected_usd == (Decimal("1.65") * 10_800 + Decimal("8.25") * 10_000) / 1_000_000
    assert found.worst_usd == (Decimal("1.65") * 50_000 + Decimal("8.25") * 20_000) / 1_000_000
    assert found.on_demand_usd == 2 * found.expected_usd
    assert found.expected_range_usd[0] < found.expected_usd < found.expected_range_usd[1] <= found.worst_usd
    assert {a.name for a in found.assumptions} == {"bytes_per_token", "output_share", "longest_record_id"}
    assert sum(shard.worst_usd for shard in found.shards) == found.worst_usd


def test_a_maximum_of_its_own(tmp_path):
    """The worst case counts each record's own maximum, and the given one of those that name none."""
    records = [{"recordId": "a", "prompt": "Hi", "max_tokens": 10}, {"recordId": "b", "prompt": "Hi"}]
    assert prepared(tmp_path, records, max_tokens=100).max_output_tokens == 110
    assert prepared(tmp_path, [{"modelInput": {**GIVEN, "max_tokens": 30}}], CLAUDE).max_output_tokens == 30


def test_output_tokens_stated(tmp_path):
    """What the user expects of an answer replaces the share, up to the maximum."""
    found = prepared(tmp_path, questions(100, max_tokens=50), output_tokens=20)
    assert found.expected_output_tokens == 2000
    assert {a.name: a.value for a in found.assumptions}["output_tokens"] == 20
    assert prepared(tmp_path, questions(100, max_tokens=50), output_tokens=90).expected_output_tokens == 5000


def test_embeddings_have_no_answer_to_pay_for(tmp_path):
    """A text to embed costs its input alone."""
    found = prepared(tmp_path, questions(100), "amazon.titan-embed-text-v2")
    assert (found.max_output_tokens, found.expected_output_tokens) == (0, 0)
    assert lines_of(tmp_path / "out")[0]["modelInput"] == {"inputText": "Question 0"}
    assert found.worst_usd > 0


def test_an_unknown_batch_price_is_no_half(tmp_path):
    """Where no batch price is published costs are unknown and said so; on demand is priced all the same."""
    found = prepared(tmp_path, questions(100), "us.anthropic.claude-haiku-5-5")
    assert (found.expected_usd, found.worst_usd, found.expected_range_usd) == (None, None, None)
    assert found.on_demand_usd > 0
    assert any("the batch price is unknown" in text for text in found.warnings)
    assert {shard.worst_usd for shard in found.shards} == {None}
    assert read_prepared(tmp_path / "out") == found


# fewer than a job takes


def test_the_seed_s_example_in_its_better_form(tmp_path, capsys):
    """Three prompts as everybody writes them: told that 100 is the minimum, priced both ways, and nothing padded.

    Haiku 4.5 (geo): 1.10 and 5.50 USD per million on demand, 0.55 and 2.75 in batch.
    """
    asked = ["Summarize cloud computing", "Explain machine learning", "What is serverless?"]
    records = [
        {"recordId": str(i), "modelInput": {"messages": [{"role": "user", "content": text}]}}
        for i, text in enumerate(asked, 1)
    ]
    path, out = write_lines(tmp_path / "in.jsonl", records), tmp_path / "out"
    model = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    code = batch_input.prepare(
        str(path), model, str(out), overlay=None, date="2026-11-22", region=None, scope=None, json=True
    )
    printed = capsys.readouterr()
    shown = json.loads(printed.out)
    assert code == 3
    assert shown["batchable"] is False
    assert "3 records, and a batch job needs 100 at least" in shown["why_not"]
    assert shown["why_not"] in printed.err
    bounds = shown["input_tokens"], shown["expected_output_tokens"]
    assert shown["expected_usd"] == pytest.approx((bounds[0] * 0.55 + bounds[1] * 2.75) / 1e6)
    assert shown["on_demand_usd"] == pytest.approx((bounds[0] * 1.10 + bounds[1] * 5.50) / 1e6)
    assert [line["recordId"] for line in lines_of(out)] == ["1", "2", "3"]
    first = lines_of(out)[0]["modelInput"]
    assert (first["anthropic_version"], first["max_tokens"]) == ("bedrock-2023-05-31", 1024)
    assert any("named no anthropic_version" in text for text in shown["warnings"])


def test_the_command_says_every_mistake(tmp_path, capsys):
    """Each mistake is a line on stderr; the error sums them up."""
    path = write_lines(tmp_path / "in.jsonl", ["{", {"prompt": ""}])
    with pytest.raises(InputError, match=r"2 lines are wrong, nothing was written$"):
        batch_input.prepare(str(path), NOVA, str(tmp_path / "out"), overlay=None, date=None, region=None, scope=None)
    assert [line.partition(", ")[2][:7] for line in capsys.readouterr().err.splitlines()] == ["line 1:", "line 2:"]
    code = batch_input.prepare(
        str(write_lines(path, questions(120))),
        NOVA,
        str(tmp_path / "out"),
        overlay=None,
        date=None,
        region=None,
        scope=None,
        json=False,
    )
    assert code == 0
    assert "120 records in 1 shard," in capsys.readouterr().out


# properties

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
IDS = st.one_of(st.none(), TEXT, st.integers(0, 10**12))
PROMPTS = TEXT.filter(lambda text: text.strip())
RECORDS = st.fixed_dictionaries(
    {"prompt": PROMPTS},
    optional={"recordId": IDS, "system": st.one_of(st.just(""), TEXT), "max_tokens": st.integers(1, 4096)},
)


def unique(records):
    """Leave out records whose id another has."""
    seen, out = set(), []
    for record in records:
        identity = record.get("recordId")
        if identity is None or str(identity) not in seen:
            seen.add(str(identity))
            out.append(record)
    return out


@pytest.mark.parametrize("model", [NOVA, CLAUDE, "us.meta.llama3-1-8b-instruct", "openai.gpt-oss-120b"])
@given(records=st.lists(RECORDS, min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_many_at_once_is_one_by_one(model, records):
    """Lines written together are those written alone, byte for byte, and so are their measures."""
    writer = Writer(wanted(callee(model, PRICES, None, None), "InvokeModel", 100))
    ids = [f"é{i}" for i in range(len(records))]
    together = writer.lines(ids, records)
    alone = [writer.line(identity, record) for identity, record in zip(ids, records, strict=True)]
    assert together.written == b"".join(line.written for line in alone)
    assert list(together.line_bytes) == [len(line.written) for line in alone]
    assert list(together.output_tokens) == [line.output_tokens for line in alone]
    for at_once, by_itself in zip(together.bound_tokens, alone, strict=True):
        assert at_once <= by_itself.bound_tokens + 1


@pytest.fixture(scope="module")
def served():
    """Serve a local AWS whose jobs take any number of records and end at once."""
    with local_aws(batch={"validating_s": 0, "scheduled_s": 0, "records_per_s": 1e6, "minimum_records": 1}) as both:
        yield both


@given(
    records=st.lists(RECORDS, min_size=1, max_size=10), end=st.sampled_from(["\n", "\r\n", "\n\n"]), mark=st.booleans()
)
@settings(
    max_examples=INPUTS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_record_comes_back_once(served, tmp_path_factory, records, end, mark):
    """Whatever the input: as many results as records, each id once, in the input's order, each with its answer."""
    folder = tmp_path_factory.mktemp("run")
    records = [{"recordId": f"fill {i}", "prompt": "Hi"} for i in range(100)] + unique(records)
    path = write_lines(folder / "in.jsonl", records, end)
    if mark:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    with job_at(served[0], f"s3://{BUCKET}/{folder.name}/", folder / "out", path) as job:
        found = job.run()
    back = [json.loads(line) for line in (folder / "out" / "results.jsonl").read_bytes().splitlines()]
    step = 2 if end == "\n\n" else 1
    expected = [
        f"L{1 + i * step:010d}" if record.get("recordId") is None else str(record["recordId"])
        for i, record in enumerate(records)
    ]
    assert [row["recordId"] for row in back] == expected
    assert len(set(expected)) == len(records)
    assert {row["outcome"] for row in back} == {"ok"}
    assert all(row["text"] for row in back)
    assert found.exit_code == 0


def test_memory_of_a_large_input(tmp_path):
    """A million records (a tenth of them unless run in full) take less than 300 MB, duplicates looked for."""
    records = 1_000_000 if FULL else 100_000
    path = tmp_path / "in.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(records):
            file.write(f'{{"recordId":"record-{i:09d}","prompt":"What does a model unit carry, and for whom? {i}"}}\n')
    code = (
        "import bedrock_lab as lab; from bedrock_lab.batch.preparing import prepare\n"
        f"prices, out = lab.prices('2026-11-22'), {str(tmp_path / 'out')!r}\n"
        f"found = prepare({str(path)!r}, model={NOVA!r}, out=out, prices=prices)\n"
        "held = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "print(found.records, len(found.shards), int(held['VmHWM'].split()[0]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, shards, peak_mb = map(int, done.stdout.split())
    assert (count, shards) == (records, records // 50_000)
    assert peak_mb < 300


def test_shards_are_facts(tmp_path):
    """A result cannot be changed."""
    found = prepared(tmp_path, questions(100))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.records = 1

"""Ways of shortening beside each other: tokens as the functions count them, money by the list, files read."""

import itertools
import json

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.errors import InputError
from bedrock_lab.route.counting import Counter
from bedrock_lab.route.example import LONG_WORDS, STRONG_RIGHT

PRICES = lab.prices("2026-11-22")
STRONG = "us.anthropic.claude-sonnet-4-6"


def said(*texts):
    """Make a conversation of questions and answers in turn."""
    return [{"role": ("user", "assistant")[n % 2], "content": [{"text": t}]} for n, t in enumerate(texts)]


def test_ways_count_what_each_leaves():
    """Three turns of 40, 40 and 4 tokens and 4 around each: a limit of 30 leaves the question; spaces are squeezed."""
    chat = said("a" * 160, "b" * 152 + " " * 8, "why? yes it is so")
    found = lab.shorten([chat], 30)
    assert found.tokens_before == 44 + 44 + 9
    ways = {w.way: w for w in found.ways}
    assert ways["squeeze"].tokens == 97 - 2  # eight spaces are two tokens
    assert {w.tokens for name, w in ways.items() if name != "squeeze"} == {9}
    assert ways["oldest-first"].cut == {"messages": 1}
    assert ways["oldest-first"].saved_share == pytest.approx(88 / 97)
    assert found.usd_per_1k_requests is None


def test_the_input_is_priced_at_the_list():
    """3.3 USD per million tokens of Claude Sonnet 4.6 by its geography, a thousand times."""
    found = lab.shorten([said("a" * 396)], 1000, model=STRONG, prices=PRICES)
    assert found.tokens_before == 103
    assert found.usd_per_1k_requests == pytest.approx(1000 * 103 * 3.3 / 1e6)


def test_what_cannot_be_cut_counts_as_it_was():
    """Code above the limit is refused, not torn."""
    chat = said("```\n" + "x = 1\n" * 100 + "```\n")
    found = lab.shorten([chat], 20)
    assert [w.refused for w in found.ways] == [0, 1, 1, 1]
    assert {w.tokens for w in found.ways} == {found.tokens_before}


def test_made_up_chats_are_valid_and_squeeze_without_loss():
    """Words stay in their order, but for the repeated rules; every conversation ends with a question."""
    chats = lab.example_chats()
    assert chats.origin == "synthetic"
    for messages in chats.messages:
        assert messages[-1]["role"] == "user"
        assert all(a["role"] != b["role"] for a, b in itertools.pairwise(messages))
    assert lab.example_chats(1) != chats


def test_made_up_labels_have_the_stated_properties():
    """Rates of being right by length, within four standard errors; tasks spread the weak model's as they say."""
    labels = lab.example_labels(3)
    lengths = np.array([len(p.split()) for p in labels.prompts])
    long = lengths >= LONG_WORDS
    assert abs(long.mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / len(labels))
    assert abs(labels.strong.mean() - STRONG_RIGHT) < 4 * np.sqrt(0.06 / len(labels))
    assert labels.weak[long].mean() < labels.weak[~long].mean() - 0.3
    by_task = {t: labels.weak[[i for i, x in enumerate(labels.tasks) if x == t]].mean() for t in set(labels.tasks)}
    assert max(by_task.values()) - min(by_task.values()) > 0.5
    assert labels.tokens["input_tokens"] == pytest.approx(np.round(300 + 1.3 * lengths))


def test_conversations_are_read_from_json_lines(tmp_path):
    """An object with messages, or the list alone; blank lines are nothing."""
    chat = said("hi")
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps({"messages": chat, "system": []}) + "\n\n" + json.dumps(chat) + "\n")
    read = lab.read_conversations(path)
    assert list(read.messages) == [chat, chat]
    assert (read.source, read.origin) == ("c.jsonl", "log")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "c.jsonl:1: is no JSON"),
        ("{}", "c.jsonl:1: holds no messages"),
        ("7", "no list of messages"),
        ("[]", "no list of messages"),
        ('[{"role": "system", "content": []}]', "message 0 has no role"),
        ('[{"role": "user", "content": "hi"}]', "content of message 0 is no list"),
        ('[{"role": "user", "content": [{"text": 1}]}]', "a text of message 0"),
        ("", "no conversation"),
    ],
)
def test_bad_conversations_are_one_line(tmp_path, line, message):
    """What is wrong, and where."""
    path = tmp_path / "c.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match=message) as error:
        lab.read_conversations(path)
    assert "\n" not in str(error.value)


def test_nothing_to_shorten_is_refused():
    """No conversation, a limit below one, no file."""
    with pytest.raises(InputError, match="no conversation"):
        lab.shorten([], 10)
    with pytest.raises(InputError, match="max_input_tokens 0"):
        lab.shorten([said("hi")], 0)
    with pytest.raises(InputError, match="cannot be read"):
        lab.read_conversations("nowhere.jsonl")
    assert Counter().messages(said("hi")) == 5

"""Trimming and squeezing: never above the limit, nothing torn, nothing that means something lost."""

import copy
import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_lab.errors import InputError
from bedrock_lab.route.counting import Counter, calibrate, count_tokens
from bedrock_lab.route.pieces import blocks, paragraphs, sentences
from bedrock_lab.route.relevance import bm25
from bedrock_lab.route.squeezing import squeeze, squeeze_messages
from bedrock_lab.route.trimming import KEEPS, trim

CODE = "```python\ndef f(x):\n    return x  \n\n\n\n```\n"
WORDS = st.sampled_from(["unit", "price", "naïve", "漢字", "a.", "why?", "été", "\n", "\n\n", "  ", "x | y", "- k: v"])
TEXT = st.lists(WORDS, min_size=1, max_size=40).map(" ".join).filter(str.strip)


def user(*texts):
    """Make a message of the user."""
    return {"role": "user", "content": [{"text": t} for t in texts]}


def assistant(text):
    """Make a message of the assistant."""
    return {"role": "assistant", "content": [{"text": text}]}


def tools(n):
    """Make a tool call and its result."""
    return [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": f"t{n}", "name": "look", "input": {"n": n}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": f"t{n}", "content": [{"text": "found " * 20}]}}]},
    ]


@st.composite
def conversations(draw):
    """Exchanges with texts, code, media and tool calls, some of them cached, the last one a question."""
    said = []
    turns = draw(st.integers(1, 6))
    for n in range(turns):
        text = draw(TEXT)
        if draw(st.booleans()):
            text += "\n\n" + CODE + "\n" + draw(TEXT)
        first = user(text)
        if draw(st.integers(0, 4)) == 0:
            first["content"].append({"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}})
        if draw(st.integers(0, 5)) == 0:
            first["content"].append({"cachePoint": {"type": "default"}})
        said.append(first)
        if draw(st.booleans()):
            said += tools(n)
        if n < turns - 1:
            said.append(assistant(draw(TEXT)))
    return said


def fences(messages):
    """All code blocks of messages, in order."""
    return re.findall(r"```.*?```", "\n".join(b.get("text", "") for m in messages for b in m["content"]), re.DOTALL)


def tool_ids(messages, kind):
    """Ids of tool calls or results."""
    return [b[kind]["toolUseId"] for m in messages for b in m["content"] if kind in b]


@settings(max_examples=150)
@given(conversations(), st.sampled_from(KEEPS), st.floats(0.05, 1.1))
def test_a_trimmed_conversation_is_whole(messages, keep, share):
    """Under the limit, again unchanged; pairs, code, media, cached beginning and order of roles as they were."""
    before = copy.deepcopy(messages)
    count = Counter()
    limit = max(1, int(count.messages(messages) * share))
    try:
        found = trim(messages, limit, keep=keep)
    except InputError:  # only where what may not be cut is too long
        fixed = [b for m in messages for b in m["content"] if "text" not in b or "```" in b["text"]]
        assert fixed or limit < 60
        return
    assert messages == before
    left = found.messages
    assert count.messages(left) == found.tokens <= limit
    assert trim(left, limit, keep=keep).messages == left
    assert tool_ids(left, "toolUse") == tool_ids(left, "toolResult")
    assert all(block in fences(messages) for block in fences(left))
    assert left[0]["role"] == "user"
    assert all(a["role"] != b["role"] for a, b in itertools.pairwise(left))
    cached = max((i for i, m in enumerate(before) if any("cachePoint" in b for b in m["content"])), default=-1)
    assert left[: cached + 1] == before[: cached + 1]
    assert left[-1]["role"] == before[-1]["role"]
    assert all(any(text for text in block.values()) for m in left for block in m["content"])
    assert found.tokens_before - found.tokens == sum(cut.tokens for cut in found.cut)


def test_what_is_cut_follows_the_strategy():
    """Oldest first, the middle first, or what has least to do with the question."""
    said = []
    for topic in ("weather", "units", "football", "cooking"):
        said += [user(f"Tell me of {topic}. " * 10), assistant(f"{topic} is fine. " * 10)]
    said.append(user("How many units are there?"))
    limit = Counter().messages(said) - 10
    gone = {keep: {c.message for c in trim(said, limit, keep=keep).cut} for keep in KEEPS}
    assert gone == {"oldest-first": {0}, "middle-out": {4}, "relevance": {0}}
    much = trim(said, Counter().messages(said) // 3, keep="relevance").messages
    assert any("units is fine" in m["content"][0]["text"] for m in much)
    assert not any("football" in m["content"][0]["text"] for m in much)


def test_a_long_question_loses_paragraphs_then_sentences():
    """The last message is cut at paragraphs and sentences, in mid-word never."""
    text = "\n\n".join(f"Paragraph {i} says one thing. It says another." for i in range(10))
    found = trim([user(text)], 40, keep="middle-out")
    left = found.messages[0]["content"][0]["text"]
    assert {c.what for c in found.cut} <= {"paragraph", "sentence"}
    assert left.startswith("Paragraph 0 says one thing.")
    assert all(piece in text for piece in left.split("\n\n"))
    single = "One sentence here. " * 30
    assert set(trim([user(single)], 30).messages[0]["content"][0]["text"].split(". ")) <= {"One sentence here", ""}


def test_the_true_count_is_within_the_stated_error(aws, connect):
    """CountTokens of the local AWS, calibrated on other texts, counts no more than most_tokens says."""
    client = connect(aws)
    count = count_tokens(client, "anthropic.claude-sonnet-4-6")
    rng = random.Random(0)
    vocabulary = ["unit", "price", "throughput", "a", "of", "Einheit", "été", "why?", "commitment.", "12,345"]

    def text():
        return " ".join(rng.choices(vocabulary, k=rng.randint(20, 200)))

    counter = calibrate(count, [text() for _ in range(20)])
    assert counter.measured == 20
    for _ in range(20):
        said = [user(text()), assistant(text()), user(text())]
        found = trim(said, rng.randint(60, 300), counter=counter)
        asked = {"converse": {"messages": found.messages}}
        true = client.count_tokens(modelId="anthropic.claude-sonnet-4-6", input=asked)["inputTokens"]
        assert true <= found.most_tokens
    assert found.to_dict()["assumptions"][0]["kind"] == "measured"


def test_nothing_is_cut_where_that_is_an_error():
    """on_cut='error' refuses; under the limit it lets pass."""
    said = [user("word " * 100)]
    with pytest.raises(InputError, match="nothing may be cut"):
        trim(said, 50, on_cut="error")
    assert trim(said, 500, on_cut="error").messages == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"keep": "newest"}, "keep 'newest'"),
        ({"on_cut": "ask"}, "on_cut 'ask'"),
        ({"besides_tokens": 60}, "the 60 beside messages"),
    ],
)
def test_bad_values_are_one_line(more, said):
    """Each names the value and what is allowed."""
    with pytest.raises(InputError, match=said):
        trim([user("hi")], 50, **more)


def test_what_are_no_messages_is_one_line():
    """Neither a text for a list, nor a message without content or role, raises anything but one line."""
    for wrong in ("hi", [], [{"role": "user"}], [{"content": []}], [{"role": "user", "content": "hi"}]):
        for work in (lambda given: trim(given, 50), squeeze_messages):
            with pytest.raises(InputError, match="message") as error:
                work(wrong)
            assert "\n" not in str(error.value)


def test_bm25_is_the_formula():
    """Idf ln(1 + 1.5/1.5) = 0.6931; tf 1, length 4 of a mean of 3: 0.6931 x 2.2 / 2.5 a word."""
    assert bm25("unit price", ["the price of a unit", "the weather"]) == pytest.approx([2 * 0.693147 * 2.2 / 2.5, 0])


@given(st.text(max_size=300) | TEXT)
def test_pieces_join_to_the_text(text):
    """Blocks, paragraphs and sentences are the text, whatever it is."""
    assert "".join(run for run, _ in blocks(text)) == text
    assert "".join(paragraphs(text)) == text
    assert "".join(sentences(text)) == text


@given(st.text(alphabet="ab |`-:#\n\t ", max_size=200))
def test_squeezing_twice_is_squeezing_once(text):
    """Idempotent, never longer, and words and indentation stay."""
    found = squeeze(text)
    assert squeeze(found.content).content == found.content
    assert len(found.content) <= len(text)
    assert found.content.split() == text.split()
    assert [line[: len(line) - len(line.lstrip())] for line in text.splitlines() if line.strip()] == [
        line[: len(line) - len(line.lstrip())] for line in found.content.splitlines() if line.strip()
    ]


def test_what_means_something_stays():
    """Code and tables byte for byte; Markdown's line breaks; YAML."""
    table = "| a  |  b |\n|----|----|\n| 1  |    |\n"
    yaml = "key: value   \nother:\n\n\n\n  - item  \n"
    text = "Lines   \nbreak   \n\n\n\n" + CODE + table + "end   \n\n\n\n\nof it  "
    found = squeeze(text).content
    assert CODE in found
    assert table in found
    assert found == "Lines  \nbreak\n\n" + CODE + table + "end\n\nof it"
    assert squeeze(yaml).content == yaml
    assert squeeze("    indented code   \n").content == "    indented code   \n"


def test_repeated_paragraphs_go_and_the_cached_stay():
    """A long paragraph said before in the same role goes; short ones, code and what is cached stay."""
    rules = (
        "Answer in the language of the question and name the source of every figure with its day, or say that none is."
    )
    said = [
        {"role": "user", "content": [{"text": f"{rules}\n\nFirst?"}, {"cachePoint": {"type": "default"}}]},
        assistant("Yes."),
        user(f"{rules}\n\nSecond?"),
        assistant(rules),
        user(f"{CODE}\n\nThird? Yes."),
        user(f"{CODE}\n\nThird? Yes."),
    ]
    found = squeeze_messages(said)
    assert found.content[0] == said[0]
    assert found.content[2]["content"][0]["text"] == "Second?"
    assert found.content[3] == said[3]
    assert CODE in found.content[5]["content"][0]["text"]
    assert found.saved == Counter().messages(said) - Counter().messages(found.content) > 20
    assert squeeze_messages(found.content).content == found.content


def test_calibration_needs_tokens():
    """Empty texts say nothing."""
    with pytest.raises(InputError, match="no text has a token"):
        calibrate(len, [""])

"""Segments that are wrong: every mistake of a file, of Python and of the flags is one line and exit code 2."""

import json

import pytest

from bedrock_lab.catalogue import prices
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.planning.segments.reading import read_segments, units_of
from bedrock_lab.planning.segments.segment import Segment, Substitute
from bedrock_lab.planning.segments.segmenting import plan_segments
from bedrock_lab.traffic import read_trace

SONNET = "anthropic.claude-sonnet-4-6"
LITE = "amazon.nova-lite"
CHAT = '[[segment]]\nname = "chat"\napp = "chat"\n'
HEAD = CHAT + "[[segment.substitute]]\n"
LINES = {"model": f'"{LITE}"', "share": "0.4", "quality_at_least": "0.8", "quality_source": '"1,000 labels of a test"'}


@pytest.fixture
def table(tmp_path):
    """Write four hours of two apps."""
    path = tmp_path / "hours.csv"
    rows = [f"{h * 3600},10,{app},us.{SONNET},us-east-1,1000000,100000" for h in range(4) for app in ("chat", "etl")]
    path.write_text("\n".join(["time_s,requests,app,model,region,input_tokens,output_tokens", *rows]) + "\n")
    return path


@pytest.fixture
def refused(table, tmp_path, capsys):
    """Plan by a file of this text; return the one line that refuses it."""

    def call(text):
        path = tmp_path / "segments.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        code = run(["plan", str(table), "--segments", str(path), "--date", "2026-11-22", "--json"])
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), err
        assert err.count("\n") == 1, err
        assert "internal error" not in err
        return err.replace(str(path), "FILE")

    return call


def substitute(**lines):
    """Write a segment with a substitute; a line of None is left out."""
    return HEAD + "".join(f"{key} = {value}\n" for key, value in (LINES | lines).items() if value is not None)


def unit(lines):
    """Write a segment, and unit figures of the model it calls."""
    return f'{CHAT}[units."{SONNET}"]\n{lines}\n'


FILES = {
    "empty": ("", 'no segment in it: write [[segment]] with a name, or by = "app"'),
    "comment": ("# nothing\n", "no segment in it"),
    "broken": ("[[segment\n", "FILE: not valid TOML (Expected ']]'"),
    "twice": (CHAT + 'app = "etl"\n', "FILE: not valid TOML (Cannot overwrite a value"),
    "no text": (b'by = "\xff"\n', "FILE: not valid TOML ("),
    "one table": ('[segment]\nname = "chat"\n', "segment {'name': 'chat'}: allowed is a list of tables; write [[seg"),
    "table of tables": ('[segment.chat]\napp = "chat"\n', "allowed is a list of tables; write [[segment]] for each"),
    "a text": ('segment = "chat"\n', "segment 'chat': allowed is a list of tables"),
    "a list": ('segment = ["chat"]\n', "segment ['chat']: allowed is a list of tables"),
    "no segments": ("segment = []\n", "no segment in it"),
    "no name": ('[[segment]]\napp = "chat"\n', 'segment 1 has no name: write name = "..."'),
    "name 5": ("[[segment]]\nname = 5\n", "segment 1: name 5; allowed is a text"),
    "name empty": ('[[segment]]\nname = " "\n', "segment 1: name ' '; allowed is a text"),
    "same name": (CHAT + CHAT, "segment chat: two have this name; write each name once"),
    "key of the file": (f"slo = 5\n{CHAT}", "unknown key 'slo' in the file; known: by, segment, units"),
    "substitute outside": (f'{CHAT}[[substitute]]\nmodel = "{LITE}"\n', "unknown key 'substitute' in the file; known"),
    "key of a segment": (CHAT + "deadline = 5\n", "unknown key 'deadline' in segment chat; known: name, app, model"),
    "key of a substitute": (substitute(price="5"), "segment chat: unknown key 'price' in a substitute; known: model"),
    "by 5": ("by = 5\n", "by 5: allowed is a text of app, model, operation"),
    "by a list": ('by = ["app"]\n', "by ['app']: allowed is a text of app, model, operation"),
    "by empty": ('by = ""\n', "by '': allowed is a text, or a list of texts of app, model, operation"),
    "by a colour": ('by = "colour"\n', "cannot tell segments apart by 'colour'; allowed: app, model, operation"),
    "by what is not there": ('by = "operation"\n', "names no operation, so segments cannot be told apart by it"),
    "app of none": (CHAT.replace('"chat"\n', '"web"\n'), "segment web: no priced row has app web; there are chat, etl"),
    "nothing left": (CHAT + CHAT.replace("name = ", "name = 'b' #"), "segment b: takes no row, segments before it"),
    "slo 5": (CHAT + "slo = 5\n", 'segment chat: slo 5: allowed is a text, "ttft_p95=1.5", or a table {ttft_p95 = 1.5'),
    "slo true": (CHAT + "slo = true\n", "slo True: allowed is a text"),
    "slo a list": (CHAT + 'slo = ["ttft_p95=1"]\n', "slo ['ttft_p95=1']: allowed is a text"),
    "slo a word": (CHAT + 'slo = "fast"\n', "SLO 'fast': write ttft_p95=SECONDS,e2e_p99=SECONDS"),
    "slo of a text": (CHAT + 'slo = {ttft_p95 = "x"}\n', "SLO ttft_p95=x: write ttft_p95=SECONDS"),
    "slo of true": (CHAT + "slo = {ttft_p95 = true}\n", "SLO ttft_p95=True: write ttft_p95=SECONDS"),
    "slo nested": (CHAT + "slo = {ttft = {p95 = 1}}\n", "SLO ttft={'p95': 1}: write ttft_p95=SECONDS"),
    "option unknown": (CHAT + 'option = "spot"\n', "segment chat: unknown option 'spot'; allowed: on-demand, priority"),
    "models unknown": (CHAT + 'models = "nope"\n', "segment chat: unknown model 'nope'"),
    "models of others": (CHAT + f'models = "{LITE}"\n', f"its rows call {SONNET}, which is not among its models"),
    "scope unknown": (CHAT + 'allow_scopes = "moon"\n', "unknown scope 'moon'; allowed: in-region, geo, global"),
    "batch for what cannot wait": (CHAT + 'option = "batch"\ndeferrable = 0.5\n', "batch takes only what can wait"),
    "batch too late": (CHAT + 'option = "batch"\ndeferrable = 1\ndeadline_h = 2\n', "deadline_h 2 is under its 24 h"),
    "deadline of nothing": (CHAT + "deferrable = 0\ndeadline_h = 2\n", "deadline_h 2 with deferrable 0"),
    "assume 5": (CHAT + "assume = 5\n", 'assume 5: allowed is a table, {growth = "0.9..1.4"}'),
    "assume a text": (CHAT + 'assume = "growth=2"\n', "assume 'growth=2': allowed is a table"),
    "assume unknown": (CHAT + "assume = {luck = 1}\n", "segment chat: unknown assumption 'luck'; known: cache_reads"),
    "assume a word": (CHAT + 'assume = {growth = "much"}\n', "growth=much: not a number; write growth=value or gro"),
    "assume below 0": (CHAT + "assume = {growth = -1}\n", "assumption growth -1: allowed is 0 or more"),
    "quality a text": (CHAT + 'quality_needed = "high"\n', "quality_needed 'high': allowed is a mean quality from 0"),
    "quality 2": (CHAT + "quality_needed = 2\n", "quality_needed 2: allowed is a mean quality from 0 to 1"),
    "quality nan": (CHAT + "quality_needed = nan\n", "quality_needed nan: allowed is a mean quality from 0 to 1"),
    "one substitute": (substitute().replace("[[", "[").replace("]]", "]").replace("[segment]", "[[segment]]", 1),
                       "segment chat: substitute {'model'"),
    "substitutes of texts": (CHAT + f'substitute = ["{LITE}"]\n', f"substitute ['{LITE}']; allowed is a list"),
    "no model": (substitute(model=None), 'a substitute names no model: write model = "..."'),
    "model 5": (substitute(model=5), "substitute 5: allowed is a model's id"),
    "model unknown": (substitute(model='"nope"'), "segment chat: unknown model 'nope'"),
    "model it calls": (substitute(model=f'"{SONNET}"'), f"it calls the substitute {SONNET} already"),
    "model not allowed": (substitute().replace("[[segment.", f'models = "{SONNET}"\n[[segment.'), "not among its mod"),
    "no share": (substitute(share=None), "write share, the requests a route sends to it (0..1]"),
    "share a text": (substitute(share='"most"'), "share 'most'; allowed is a share from 0 to 1"),
    "share 0": (substitute(share=0), "share 0; allowed is more than 0, up to 1"),
    "share 2": (substitute(share=2), "share 2; allowed is a share from 0 to 1"),
    "share nan": (substitute(share="nan"), "share nan; allowed is a share from 0 to 1"),
    "share true": (substitute(share="true"), "share True; allowed is a share from 0 to 1"),
    "no bound": (substitute(quality_at_least=None), "quality_at_least and quality_source are needed"),
    "bound 8": (substitute(quality_at_least=8), "quality_at_least 8; allowed is a share from 0 to 1"),
    "no source": (substitute(quality_source=None), "quality_at_least and quality_source are needed"),
    "source empty": (substitute(quality_source='" "'), "quality_at_least and quality_source are needed"),
    "source 5": (substitute(quality_source=5), "quality_source 5; allowed is a text: who measured the quality"),
    "twice the same": (substitute() + substitute().split('app = "chat"\n')[1], f"two substitutes are 40% to {LITE}"),
    "policy 5": (f'{HEAD}model = "{LITE}"\npolicy = 5\n', "policy 5; allowed is a file's path"),
    "policy that is not there": (f'{HEAD}model = "{LITE}"\npolicy = "p.json"\n', "p.json: cannot be read (No such"),
    "policy and share": (substitute(policy='"p.json"'), "a policy gives share and bound; leave out share"),
    "units 5": (f"units = 5\n{CHAT}", 'units 5: write [units."MODEL"] with input_tpm, output_tpm, price'),
    "units of a model 5": (f'{CHAT}[units]\n"{LITE}" = 5\n', f'units {LITE} 5: write [units."{LITE}"] with input_tpm'),
    "units unknown": (f"{CHAT}[units.nope]\ninput_tpm = 5\n", "units nope: unknown model 'nope'"),
    "units key": (unit("tpm = 5"), f"unknown key 'tpm' in units {SONNET}; known: input_tpm, output_tpm, price"),
    "units a word": (unit('input_tpm = "many"'), f"units {SONNET}: unit_input_tpm=many: not a number"),
    "units true": (unit("input_tpm = true"), "unit_input_tpm=True: not a number"),
    "units below 0": (unit("input_tpm = -1"), "assumption unit_input_tpm -1: allowed is 0 or more"),
    "price 5": (unit("price = 5"), f"units {SONNET}: unit price 5: write none=USD,1m=USD,6m=USD, or a table of these"),
    "price a list": (unit('price = ["1m"]'), "unit price ['1m']: write none=USD,1m=USD,6m=USD"),
    "price of a term": (unit('price = {"9m" = 3}'), "unit price '9m=3': write none=USD,1m=USD,6m=USD"),
    "price a word": (unit('price = {"1m" = "low"}'), "unit price '1m=low': write none=USD,1m=USD,6m=USD"),
}  # fmt: skip
NUMBERS = (('"soon"', "'soon'"), ("true", "True"), ("nan", "nan"), ("inf", "inf"), ("-1", "-1"), ("[1]", "[1]"))
FILES |= {
    f"{key} {value}": (
        f"{CHAT}{key} = {value}\n".replace(f'app = "chat"\n{key} =', f"{key} ="),
        f"{key} {held}: allowed",
    )
    for key in ("app", "model", "operation", "option", "allow_scopes", "models")
    for value, held in (
        ("5", "5"),
        ("[5]", "[5]"),
        ("true", "True"),
        ('""', "''"),
        ("[]", "[]"),
        ("{a = 1}", "{'a': 1}"),
    )
}
FILES |= {
    f"{key} {value}": (f"{CHAT}{key} = {value}\n", f"segment chat: {key} {held}: allowed is a {allowed}")
    for key, allowed in (("deferrable", "share from 0 to 1"), ("deadline_h", "number above 0 [h]"))
    for value, held in NUMBERS
}


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file(refused, case):
    """One line on stderr that names what is wrong, nothing on stdout, exit code 2."""
    text, expected = FILES[case]
    assert expected in refused(text)


def test_a_file_that_is_not_there(table, tmp_path, capsys):
    """And a folder in its place."""
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        assert run(["plan", str(table), "--segments", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"bedrock-lab: {path}: cannot be read ({reason}")
        assert err.count("\n") == 1


def test_a_wrong_flag(table, capsys):
    """``--by`` without a value that tells rows apart."""
    for by, reason in (("", "by '': allowed"), ("colour", "apart by 'colour'; allowed: app, model, operation")):
        assert run(["plan", str(table), "--by", by]) == 2
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("no JSON", "cannot be read (it is no JSON)"),
        ([], "is no route policy"),
        ({"policy": "tfidf"}, "is no route policy"),
        ({"policy": "tfidf", "trained": {"share": 0.4}}, "holds no absolute bound of its quality"),
        ({"policy": "tfidf", "trained": {"share": "x", "quality_at_least": 0.8}}, "holds no absolute bound"),
        ({"policy": "tfidf", "trained": {"share": 1, "quality_at_least": 0.8}}, "share 0; allowed is more than 0"),
        ({"policy": "tfidf", "trained": {"share": 0.4, "quality_at_least": 8}}, "quality_at_least 8; allowed"),
        ({"policy": "tfidf", "trained": {"share": 0.4, "quality_at_least": True}}, "quality_at_least True; allowed"),
        ({"policy": "tfidf", "trained": {"share": 0.4, "quality_at_least": 0.8, "weak": "amazon.nova-pro"}},
         "its quality was measured with amazon.nova-pro, not with amazon.nova-lite"),
    ],
)  # fmt: skip
def test_a_wrong_policy(refused, tmp_path, policy, expected):
    """A file that is no policy, holds no bound, or is of another model."""
    (tmp_path / "p.json").write_text(policy if isinstance(policy, str) else json.dumps(policy))
    assert expected in refused(f'{HEAD}model = "{LITE}"\npolicy = "p.json"\n')


BOUND = {"quality_at_least": 0.8, "quality_source": "1,000 labels of a test"}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: Segment(name=5), "segment name 5: allowed is a text"),
        (lambda: Segment(name="a", slo=5), "segment a: slo 5: allowed is a text"),
        (lambda: Segment(name="a", option=5), "segment a: option 5: allowed is a text"),
        (lambda: Segment(name="a", models=[5]), r"segment a: models \[5\]: allowed is a text"),
        (lambda: Segment(name="a", allow_scopes={"geo"}), "segment a: allow_scopes {'geo'}: allowed is a text"),
        (lambda: Segment(name="a", deferrable="half"), "segment a: deferrable 'half': allowed is a share"),
        (lambda: Segment(name="a", assume=[1]), r"segment a: assume \[1\]: allowed is a table"),
        (lambda: Segment(name="a", substitutes=5), "segment a: substitutes 5: allowed is a list of lab.Substitute"),
        (lambda: Segment(name="a", substitutes=[{}]), r"substitutes \[{}\]: allowed is a list of lab.Substitute"),
        (lambda: Substitute(model=5, share=1, **BOUND), "substitute 5: allowed is a model's id"),
        (lambda: Substitute(model=LITE, share=None, **BOUND), "share None; allowed is a share"),
        (lambda: Substitute(model=LITE, share=1, quality_at_least="x", quality_source="a"), "quality_at_least 'x'"),
        (lambda: units_of([1]), r"units \[1\]: write"),
        (lambda: read_segments("none.toml"), "none.toml: cannot be read"),
    ],
)
def test_wrong_values_in_python(call, expected):
    """The same lines as of a file."""
    with pytest.raises(InputError, match=expected):
        call()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "nothing tells segments apart: give by"),
        ({"by": 5}, "by 5: allowed is a text"),
        ({"by": ["app", 5]}, r"by \['app', 5\]: allowed is a text"),
        ({"segments": 5}, "segments 5: allowed is a list of lab.Segment"),
        ({"segments": [{"name": "chat"}]}, r"segments \[{'name': 'chat'}\]: allowed is a list of lab.Segment"),
        ({"segments": Segment(name="a")}, "allowed is a list of lab.Segment"),
        ({"by": "app", "units": 5}, "units 5: write"),
        ({"by": "app", "unit_price": 5}, "unit price 5: write none=USD,1m=USD,6m=USD"),
        ({"by": "app", "option": 5}, "option 5: allowed is a text, or a list of texts of on-demand"),
        ({"by": "app", "allow_scopes": 5}, "allow_scopes 5: allowed is a text, or a list of texts of in-region"),
        ({"by": "app", "slo": 5}, "slo 5: allowed is a text"),
        ({"by": "app", "assume": 5}, "assume 5: allowed is a table"),
        ({"by": "app", "deferrable": "half"}, "deferrable 'half': allowed is a share from 0 to 1"),
        ({"by": "app", "deadline_h": "soon"}, "deadline_h 'soon': allowed is a number above 0"),
    ],
)
def test_wrong_arguments(table, asked, expected):
    """What is asked of every segment is checked alike."""
    with pytest.raises(InputError, match=expected):
        plan_segments(read_trace(table), prices("2026-11-22"), **asked)

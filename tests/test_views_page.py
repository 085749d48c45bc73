"""The report page: self-contained, escaped, honest about its origin, and drawn in a real browser."""

import dataclasses
import re
from html.parser import HTMLParser

import nbformat
import pytest

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import LabError
from bedrock_lab.views.browser import chromium, open_page
from bedrock_lab.views.from_notebook import answer_of, page_from_notebook
from bedrock_lab.views.page import Input, Page, Section, render, write_page
from bedrock_lab.views.result import MIME, Result, Tile, read_result

EVIL = "</script><script>alert(1)</script>"
LINE = {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4], "name": EVIL}], "layout": {"xaxis": {"title": "x"}}}
BARS = {"data": [{"type": "bar", "x": ["a", "b"], "y": [1, 2]}], "layout": {"yaxis": {"title": {"text": "y " * 40}}}}
WIDE = "<table><tr>" + "<td>1,234,567</td>" * 40 + "</tr></table>"

PAGE = Page(
    title="Report",
    question="Which one?",
    answer=f"The first. {EVIL}",
    origin=Origin.EMULATED,
    tiles=(Tile(label="Cost", value="$3", note="a month"), Tile(label=EVIL, value=EVIL)),
    sections=(
        Section(kind="text", html="<h2>Why</h2>"),
        Section(kind="figure", figure=LINE, caption=EVIL, origin=Origin.EMULATED),
        Section(kind="figure", figure=BARS, note="of it all", origin=Origin.SYNTHETIC),
        Section(kind="table", html=f'<div class="scroll">{WIDE}</div>', origin=Origin.LOG),
    ),
    warnings=(EVIL,),
    inputs=(Input(name="model", value=EVIL, unit="", meaning=EVIL, changed=True),),
    code=(EVIL,),
    provenance={"Notebook": EVIL},
)


class Elements(HTMLParser):
    """Collect the start tags with their attributes, and check that every element is closed in order."""

    VOID = ("meta", "link", "img", "br", "hr", "input")

    def __init__(self, html):
        super().__init__()
        self.found, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Note the element."""
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close the element opened last."""
        assert self.open.pop() == tag


def test_the_page_is_one_file_that_asks_nobody_for_anything():
    """plotly.js stands in it once; no element names another host."""
    html = render(PAGE)
    assert html.count("* plotly.js v") == 1
    for tag, attrs in Elements(html).found:
        fetched = [attrs.get(name, "") for name in ("src", "srcset", "data", "poster")]
        fetched += [attrs["href"]] if tag == "link" else []
        assert all(url in {"", "data:,"} for url in fetched), (tag, attrs)
    assert "@import" not in html.split("</style>")[0]


def test_a_page_without_figures_carries_no_script():
    """Five megabytes less, and a policy that lets no script run."""
    html = render(dataclasses.replace(PAGE, sections=()))
    assert len(html) < 50_000
    assert "script-src &#39;none&#39;" in html
    assert "<script" not in html


def test_values_are_escaped_everywhere():
    """Markup in a value is shown, in the figures' JSON too; elements close in order."""
    html = render(PAGE)
    assert EVIL not in html
    elements = Elements(html)
    assert elements.open == []
    scripts = [attrs for tag, attrs in elements.found if tag == "script"]
    assert scripts == [{"type": "application/json"}] * 2 + [{}] * 2


def test_invented_data_is_said_in_the_title_bar_on_top_and_beside_every_figure():
    """A figure's own origin counts as well as the page's."""
    html = render(PAGE)
    assert "<title>[EMULATED] [SYNTHETIC] Report</title>" in html
    assert html.count('<p class="banner" role="note">') == 2
    captions = re.findall(r"<figcaption>.*?</figcaption>", html, flags=re.DOTALL)
    badges = [re.findall(r'class="badge([^"]*)">(\w+) data', caption) for caption in captions]
    assert badges == [[(" invented", "emulated")], [(" invented", "synthetic")], [("", "log")]]


def test_observed_data_raises_no_banner():
    """A page of logs has a plain title."""
    html = render(dataclasses.replace(PAGE, origin=Origin.LOG, sections=()))
    assert "<title>Report</title>" in html
    assert "banner" not in html.split("<body>")[1]


def test_text_keeps_its_contrast_in_light_and_dark():
    """Every text colour reaches 4.5:1 on every ground of its scheme."""
    style = render(dataclasses.replace(PAGE, sections=())).split("<style>")[1]
    for scheme in re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL):
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", scheme))
        for ink in ("ink", "soft", "accent"):
            for ground in ("paper", "card"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground, scheme)
        assert contrast(colours["ink"], colours["caution-paper"]) >= 4.5


def contrast(one, other):
    """Return the contrast ratio of two colours as the accessibility guidelines define it."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def notebook(*cells):
    """Build an executed notebook of (type, source, outputs, tags)."""
    return nbformat.from_dict(
        {
            "cells": [
                {"cell_type": kind, "source": source, "outputs": list(outputs), "metadata": {"tags": list(tags)}}
                for kind, source, outputs, tags in cells
            ]
        }
    )


def shows(data):
    """Return an output as a cell displays it."""
    return {"output_type": "display_data", "metadata": {}, "data": data}


def test_an_executed_notebook_becomes_a_page():
    """Question and answer on top, then every cell in its order, the inputs as a table."""
    result = Result(answer="Yes.", origin=Origin.SYNTHETIC, tiles=(Tile(label="a", value="1"),), html="<table></table>")
    figure = {"data": [], "layout": {"title": {"text": "A <b>line</b>", "subtitle": {"text": "sub"}}}}
    page = page_from_notebook(
        notebook(
            ("markdown", "# Is *it* so?\n\nIntro <script>x</script>.", (), ()),
            ("code", 'model: str = "a"  # which model [id]', (), ("parameters",)),
            ("code", 'model = "b"', (), ("injected-parameters",)),
            ("code", "Result()", [shows(result._repr_mimebundle_())], ("answer",)),
            ("markdown", "# One\n\ntext\n\n## Two\n\n![spy](https://example.com/x.png)", (), ()),
            ("code", "fig", [shows({"application/vnd.plotly.v1+json": figure, "text/html": "no"})], ()),
            ("code", "df", [shows({"text/html": '<style scoped>x</style><table border="1"></table>'})], ()),
            ("code", "1", [shows({"text/plain": "<1>"}), {"output_type": "stream", "name": "stderr", "text": "w"}], ()),
        ),
        {"notebook": "n.ipynb", "parameters": {"model": "b"}, "started": "2026-11-23T20:15:30+00:00", "seconds": 2},
    )
    assert (page.title, page.question, page.answer) == ("Is it so?", "Is it so?", "Yes.")
    assert "&lt;script&gt;" in page.intro_html
    assert (page.origin, page.tiles) == (Origin.SYNTHETIC, result.tiles)
    assert page.answer_html.count("<table>") == 1
    assert "Yes." not in page.answer_html
    kinds = [section.kind for section in page.sections]
    assert kinds == ["text", "text", "figure", "table", "text"]
    one, two, drawn, table, plain = page.sections
    assert one.html.startswith("<h2>One")
    assert "https://example.com" not in two.html
    assert (drawn.caption, drawn.note, drawn.origin) == ("A line", "sub", Origin.SYNTHETIC)
    assert "title" not in drawn.figure["layout"]
    assert "style" not in table.html
    assert "border" not in table.html
    assert plain.html == "<pre>&lt;1&gt;</pre>"
    assert page.inputs == (Input(name="model", value="b", unit="id", meaning="which model", changed=True),)
    assert page.provenance["Run"] == "2026-11-23 20:15 UTC"


def test_a_result_survives_its_way_through_the_notebook():
    """What is displayed is what is read."""
    result = Result(
        title="t",
        answer="a",
        origin=Origin.LIVE,
        tiles=(Tile(label="l", value="v", note="n"),),
        warnings=("w",),
        results={"x": 1},
        html="<p>",
    )
    shown = notebook(("code", "", [shows(result._repr_mimebundle_())], ("answer",)))
    assert answer_of(shown) == read_result(result._repr_mimebundle_()[MIME]) == result


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        ([], "holds a list"),
        ({"answr": ""}, "unknown field 'answr'; known: title"),
        ({"origin": "dreamt"}, "dreamt"),
        ({"tiles": [{"label": "a"}]}, "a tile is {label, value, note}"),
        ({"tiles": [{"label": "a", "value": 3}]}, "tile value 3 is not a text"),
        ({"results": {"x": float("nan")}}, "holds NaN"),
    ],
)
def test_a_malformed_result_is_refused(bundle, says):
    """The message names the field."""
    with pytest.raises(LabError, match=re.escape(says)):
        read_result(bundle)


def test_a_report_has_one_answer():
    """Two tagged cells contradict each other."""
    with pytest.raises(LabError, match="2 cells tagged 'answer'"):
        answer_of(notebook(("code", "", (), ("answer",)), ("code", "", (), ("answer",))))


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed; on Debian: apt-get install chromium")
@pytest.mark.parametrize("width", [1200, 380])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_from_disk_without_a_request(tmp_path, scheme, width):
    """No request, no console message, no script of a value; the page never scrolls sideways; print is light."""
    path = tmp_path / "page.html"
    write_page(PAGE, path)
    with open_page(path, width=width, scheme=scheme) as (page, asked, said):
        assert page.locator(".js-plotly-plot").count() == 2
        assert page.locator(".scatterlayer path.point, .scatterlayer path.js-line").count() > 0
        assert page.locator(".barlayer .point").count() == 2
        assert asked == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        light, dark = "rgb(85, 96, 110)", "rgb(170, 180, 192)"
        tick = "getComputedStyle(document.querySelector('.xtick text')).fill"
        assert page.evaluate(tick) == (dark if scheme == "dark" else light)
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function(f"{tick} === '{light}'", timeout=5_000)
        assert said == []

"""Runs of a tiny report without a kernel: what it answers is handed in, all else is the runner's own way."""

from pathlib import Path

import nbformat

from bedrock_lab.assumptions import Origin
from bedrock_lab.views.notebook import read_notebook, text_of
from bedrock_lab.views.result import Result, Tile

DATA = Path(__file__).parent / "data" / "views"
OK = DATA / "ok.ipynb"


def answered(results, failure=None, hook=lambda: None):
    """Make a stand-in for `execute`: the notebook as it would be left, with these results in its answer."""

    def execute(notebook, kept, values, *, progress):
        result = Result(
            answer="An answer.",
            origin=Origin.SYNTHETIC,
            tiles=(Tile(label="One", value="1"),),
            results=results(values) if callable(results) else results,
        )
        executed = read_notebook(OK)
        for cell in executed.cells:
            if "answer" in cell.metadata.get("tags", ()):
                data = result._repr_mimebundle_()
                cell.outputs = [nbformat.from_dict({"output_type": "display_data", "metadata": {}, "data": data})]
        kept.write_text(text_of(executed))
        hook()
        return executed, failure

    return execute

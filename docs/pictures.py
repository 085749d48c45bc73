"""Draw the README's picture from a real run: the decision report on the package's own synthetic traffic."""

import tempfile
from pathlib import Path

import bedrock_lab as lab
from bedrock_lab.views.browser import open_page

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Render the page and take its upper part."""
    plan = lab.plan(
        lab.example_trace(),
        lab.prices("2026-11-22"),
        model="us.anthropic.claude-sonnet-4-6",
        deferrable=0.2,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = lab.report(plan, Path(folder) / "page.html")
        with open_page(path, height=1180) as (page, _, _):
            page.screenshot(path=HERE / "page.png")


if __name__ == "__main__":
    main()

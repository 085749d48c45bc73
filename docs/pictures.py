"""Draw the README's picture from a real run: the decision report on the package's own synthetic traffic."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import bedrock_lab as lab

HERE = Path(__file__).resolve().parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def main() -> None:
    """Render the page and take its upper part."""
    plan = lab.plan(
        lab.example_trace(),
        lab.prices("2026-11-22"),
        model="us.anthropic.claude-sonnet-4-6",
        deferrable=0.2,
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as browsers:
        page = lab.report(plan, Path(folder) / "page.html")
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        view = browser.new_context(offline=True, viewport={"width": 1000, "height": 1180}).new_page()
        view.goto(page.as_uri())
        view.wait_for_function("document.documentElement.dataset.drawn")
        view.screenshot(path=HERE / "page.png")
        browser.close()


if __name__ == "__main__":
    main()

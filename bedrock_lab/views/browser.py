"""A page in headless Chromium, opened from disk with no network: for pictures and for tests of what is drawn."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bedrock_lab.errors import InputError

# without these Chromium looks for updates and needs a GPU and a large /dev/shm
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DRAWN = "document.documentElement.dataset.drawn !== undefined"


class Opened(NamedTuple):
    """A page as playwright holds it, the addresses it asked for, and what it logged."""

    page: Any
    asked: list[str]
    said: list[str]


def chromium() -> str | None:
    """Return the path of Chromium, None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def open_page(path: Path, *, width: int = 1000, height: int = 900, scheme: str = "light") -> Iterator[Opened]:
    """Open a page and wait until its charts are drawn.

    Raises
    ------
    InputError
        Where Chromium or playwright is missing.
    """
    executable = chromium()
    if executable is None:
        raise InputError("chromium is not installed; on Debian: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise InputError("playwright is not installed; pip install 'bedrock-lab[test]'") from None
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=executable, args=list(FLAGS))
        chosen: Any = scheme
        view: Any = {"width": width, "height": height}
        page: Any = browser.new_context(offline=True, viewport=view, color_scheme=chosen).new_page()
        opened = Opened(page, [], [])
        page.on("request", lambda request: opened.asked.append(request.url))
        page.on("console", lambda message: opened.said.append(message.text))
        page.on("pageerror", lambda error: opened.said.append(str(error)))
        try:
            page.goto(path.resolve().as_uri())
            page.wait_for_function(DRAWN)
            yield opened
        finally:
            browser.close()

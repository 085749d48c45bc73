"""JupyterLab with a notebook in headless Chromium, cut off from every other host: for tests of what widgets draw."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bedrock_lab.views.browser import FLAGS, chromium

READY_S = 120
TOKEN = "test"
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


class Lab(NamedTuple):
    """A page of JupyterLab, the addresses of other hosts it asked for, and the errors it logged."""

    page: Any
    foreign: list[str]
    errors: list[str]


def missing() -> str | None:
    """Say what is not installed; None where all is."""
    if chromium() is None:
        return "Chromium is not installed; on Debian: apt-get install chromium"
    for package in ("jupyterlab", "ipywidgets", "playwright"):
        try:
            __import__(package)
        except ImportError:
            return f"{package} is not installed; pip install 'bedrock-lab[notebooks,test]'"
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def jupyter_lab(
    folder: Path, notebook: Path, *, theme: str = "JupyterLab Light", width: int = 1440, height: int = 1100
):
    """Open a copy of a notebook in JupyterLab and wait for its kernel."""
    from playwright.sync_api import sync_playwright

    work = folder / "work"
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    for each in (work, settings, folder / "data", folder / "runtime"):
        each.mkdir(parents=True, exist_ok=True)
    (settings / "themes.jupyterlab-settings").write_text(f'{{"theme": "{theme}"}}')
    shutil.copy(notebook, work)
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    own = {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "config" / "lab" / "user-settings"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.news_url=",
        f"--ServerApp.root_dir={work}",
    ]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=os.environ | own, stdout=log, stderr=log
        )
        try:
            end = time.monotonic() + READY_S
            while not _answers(f"{address}/api?token={TOKEN}"):
                assert server.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < end, "JupyterLab did not answer"
                time.sleep(0.2)
            with sync_playwright() as browsers:
                flags = [*FLAGS, ALONE, "--js-flags=--expose-gc", "--enable-precise-memory-info"]
                browser = browsers.chromium.launch(executable_path=chromium(), args=flags)
                page = browser.new_context(viewport={"width": width, "height": height}).new_page()
                page.set_default_timeout(READY_S * 1000)
                lab = Lab(page, [], [])
                page.on("request", lambda r: None if _own(r.url, address) else lab.foreign.append(r.url))
                page.on("pageerror", lambda error: lab.errors.append(str(error)))
                try:
                    page.goto(f"{address}/lab/tree/{notebook.name}?token={TOKEN}&reset")
                    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
                    page.wait_for_function("document.body.innerText.includes('(ipykernel) | Idle')")
                    yield lab
                finally:
                    browser.close()
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _own(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))


def run_all(lab: Lab) -> None:
    """Run every cell and wait until the kernel is idle again."""
    lab.page.click(".jp-Notebook .jp-Cell")
    lab.page.keyboard.press("Escape")
    lab.page.get_by_role("menuitem", name="Run", exact=True).click()
    lab.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    lab.page.wait_for_function("!document.body.innerText.includes('[*]:')")
    lab.page.wait_for_function("document.body.innerText.includes('(ipykernel) | Idle')")

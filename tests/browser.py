"""A real JupyterLab and a real Chromium for tests, benchmarks and the README's screenshots."""

from __future__ import annotations

import ast
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PANES = """(name) => {
    const whole = document.querySelector(name);
    const box = (element) => element.getBoundingClientRect();
    const area = (element) => box(element).width * box(element).height;
    const all = (selector) => [...whole.querySelectorAll(selector)];
    const share = (selector) => all(selector).map(area).reduce((total, part) => total + part, 0) / area(whole);
    const out = (part, around, side) => box(part)[side] > box(around)[side] + 1;
    const beyond = (part, around) => out(part, around, 'right') || out(part, around, 'bottom');
    const texts = all('.ft-numbers span, .ft-chip, .ft-tool').filter(area);
    const cut = texts.filter((element) => beyond(element, element.closest('.ft-foot, .ft-head, .ft-bar')));
    return { panes: share('.ft-pane'), pictures: share('.ft-box'), cut: cut.map((element) => element.innerText),
        width: box(whole).width, height: box(whole).height };
}"""
"""The share of an element's area that panes and pictures cover, its size, and the texts in it that are cut off."""
INK = """(name) => {
    const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const over = (...colours) => {
        probe.clearRect(0, 0, 1, 1);
        for (const colour of ['#fff', ...colours]) { probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1); }
        return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const own = (element) => getComputedStyle(element).backgroundColor;
    const behind = (element) => element ? [...behind(element.parentElement), own(element)] : [];
    const light = (colour) => colour.map((value) => value / 255)
        .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, n) => sum + value * [0.2126, 0.7152, 0.0722][n], 0.05);
    return [...document.querySelector(name).querySelectorAll('*')]
        .filter((element) => [...element.childNodes].some((part) => part.nodeType === 3 && part.textContent.trim()))
        .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 1)
        .map((element) => {
            const ground = behind(element);
            const [ink, paper] = [over(...ground, getComputedStyle(element).color), over(...ground)];
            const [low, high] = [light(ink), light(paper)].sort((a, b) => a - b);
            return { text: element.innerText, ink, paper, contrast: high / low };
        });
}"""
"""The texts of an element with their colours, the colours behind them, and WCAG's contrast."""
FRAME = "() => new Promise((drawn) => requestAnimationFrame(() => drawn()))"
"""Wait until the page has drawn a frame."""
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
THROTTLE = float(os.environ.get("FRANTOOLS_TEST_THROTTLE", "1"))  # slows down Chromium's processor
PATIENCE = 180.0  # seconds that `until` waits


@dataclass
class Lab:
    """A running JupyterLab."""

    url: str
    token: str
    root: Path
    """The folder of its notebooks, and the working directory of their kernels."""
    runtime: Path

    def write(self, name: str, *cells: str) -> None:
        """Write a notebook of code cells."""
        options = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        code = [{**options, "id": f"cell-{n}", "source": cell} for n, cell in enumerate(cells)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        content = {"cells": code, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (self.root / name).write_text(json.dumps(content))

    def open(self, page: Any, name: str) -> None:
        """Open a notebook, wait for its kernel and run all cells."""
        page.goto(f"{self.url}/lab/tree/{name}?reset&token={self.token}")
        page.wait_for_selector(".jp-NotebookPanel", timeout=120_000)
        page.wait_for_selector("text=/Python 3 .* [|] Idle/", timeout=120_000)
        page.click("text=/^Run$/")
        page.click("text=/^Run All Cells$/")

    def evaluate(self, name: str, expression: str) -> Any:
        """Evaluate a Python expression, whose value is a literal, in the kernel of an open notebook.

        Raises
        ------
        TimeoutError
            If the kernel is busy for 60 seconds.
        """
        from jupyter_client import BlockingKernelClient

        with urllib.request.urlopen(f"{self.url}/api/sessions?token={self.token}") as response:
            (kernel,) = (session["kernel"]["id"] for session in json.load(response) if session["path"] == name)
        client = BlockingKernelClient(connection_file=str(self.runtime / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            reply = None
            while reply is None or reply["content"]["status"] == "aborted":  # together with a cell that failed
                expressions = {"value": expression}
                reply = client.execute("", store_history=False, user_expressions=expressions, reply=True, timeout=60)
        finally:
            client.context.destroy(linger=0)
        result = reply["content"]["user_expressions"]["value"]
        if result["status"] != "ok":
            raise RuntimeError(f"{result['ename']}: {result['evalue']}")
        return ast.literal_eval(result["data"]["text/plain"])


def free_port() -> int:
    """Find a port that no process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(arguments: Sequence[str], url: str, folder: Path) -> Iterator[None]:
    """Run a server in the background, once `url` answers; its output is in ``folder/server.log``."""
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    private = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    environment = {
        **os.environ,
        **private,
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            deadline = time.monotonic() + 180
            while not _answers(url):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start:\n{(folder / 'server.log').read_text()[-3000:]}")
                time.sleep(0.2)
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 403  # the server runs and wants the token
    except OSError:
        return False


def make_options(target: str) -> list[str]:
    """Read the options that a target of the Makefile passes to its server."""
    root = Path(__file__).parent.parent
    # A make that runs the tests would have this one print the folders that it enters and leaves.
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    dry_run = subprocess.run(
        ["make", "-n", target], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return [word for word in shlex.split(dry_run.stdout.splitlines()[-1]) if word.startswith("--")]


@contextmanager
def lab(root: Path, folder: Path) -> Iterator[Lab]:
    """Run JupyterLab on the notebooks in `root`; its own files are in `folder`."""
    port, token = free_port(), secrets.token_hex(16)
    options = [
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}",
        *make_options("lab"),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    url = f"http://127.0.0.1:{port}"
    with serving(options, f"{url}/api", folder):
        yield Lab(url, token, root, folder / "runtime")


@contextmanager
def dashboard(root: Path, folder: Path) -> Iterator[str]:
    """Run Voila on the notebooks in `root`; the address to which a notebook's name is added."""
    port = free_port()
    options = ["voila", str(root), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", *make_options("dashboard")]
    with serving(options, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/voila/render/"


@contextmanager
def chromium(width: int = 1400, height: int = 1500, **options: Any) -> Iterator[Any]:
    """A page of a headless Chromium; `options` are those of Playwright's context.

    With FRANTOOLS_TEST_THROTTLE=4 in the environment its processor is four times slower.
    """
    from playwright.sync_api import sync_playwright

    flags = FLAGS + (["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **options)
        page = context.new_page()
        if THROTTLE != 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
        try:
            yield page
        finally:
            browser.close()


def until(page: Any, condition: Callable[[], Any]) -> Any:
    """Wait for a condition while the page goes on, and return its value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"the condition is still false after {PATIENCE:.0f} s")
        page.evaluate(FRAME)
    return value


def settled(page: Any, read: Callable[[], T]) -> T:
    """Read a value from the page once it is the same in two consecutive frames."""
    values = [read()]

    def is_same() -> bool:
        values.append(read())
        return bool(values[-1] == values[-2])

    until(page, is_same)
    return values[-1]


def screenshot(page: Any, name: str) -> None:
    """Write a screenshot of the page to ``artefacts/``."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"))

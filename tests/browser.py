"""A real JupyterLab and a real Chromium for tests and for the README's screenshots."""

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    const box = (each) => each.getBoundingClientRect();
    const area = (each) => box(each).width * box(each).height;
    const share = (of) => [...whole.querySelectorAll(of)].reduce((total, each) => total + area(each), 0) / area(whole);
    const out = (part, around, side) => box(part)[side] > box(around)[side] + 1;
    const beyond = (part, around) => out(part, around, 'right') || out(part, around, 'bottom');
    const texts = [...whole.querySelectorAll('.ft-numbers span, .ft-chip, .ft-tool')].filter((each) => area(each));
    const cut = texts.filter((each) => beyond(each, each.closest('.ft-foot, .ft-head, .ft-bar')));
    return { panes: share('.ft-pane'), pictures: share('.ft-box'), cut: cut.map((each) => each.innerText),
        width: box(whole).width, height: box(whole).height };
}"""
"""What share of an element panes have, with their texts and without, and which texts in it are cut off."""
INK = """(name) => {
    const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const over = (...colours) => {
        probe.clearRect(0, 0, 1, 1);
        for (const each of ['#fff', ...colours]) { probe.fillStyle = each; probe.fillRect(0, 0, 1, 1); }
        return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const behind = (each) => each ? [...behind(each.parentElement), getComputedStyle(each).backgroundColor] : [];
    const light = (colour) => colour.map((each) => each / 255)
        .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
        .reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0.05);
    return [...document.querySelector(name).querySelectorAll('*')]
        .filter((each) => [...each.childNodes].some((part) => part.nodeType === 3 && part.textContent.trim()))
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().width > 1)
        .map((each) => {
            const ground = behind(each);
            const [ink, paper] = [over(...ground, getComputedStyle(each).color), over(...ground)];
            const [low, high] = [light(ink), light(paper)].sort((a, b) => a - b);
            return { text: each.innerText, ink, paper, contrast: high / low };
        });
}"""
"""The texts of an element, their colours over what is behind them, and the contrast (WCAG's)."""
ARTEFACTS = Path(__file__).parent.parent / "artefacts"


def notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook of code cells."""
    code = [
        {"cell_type": "code", "id": f"cell-{n}", "source": cell, "metadata": {}, "outputs": [], "execution_count": None}
        for n, cell in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": code, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(arguments: Sequence[str], url: str, folder: Path) -> Iterator[None]:
    """A server in the background, from when `url` answers on; its output is in ``folder/server.log``."""
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    own = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    environment = {
        **os.environ,
        **own,
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
        return error.code == 403  # it is there, and asks for the token
    except OSError:
        return False


def made(target: str) -> list[str]:
    """The options that a target of the Makefile gives its server."""
    root = Path(__file__).parent.parent
    # The tests may run in a make themselves, which would have this one tell of folders, behind the command.
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    told = subprocess.run(
        ["make", "-n", target], cwd=root, env=alone, capture_output=True, text=True, check=True
    ).stdout
    return [each for each in shlex.split(told.splitlines()[-1]) if each.startswith("--")]


@contextmanager
def lab(root: Path, folder: Path) -> Iterator[str]:
    """JupyterLab on the notebooks of a folder; the address of ``/lab/tree``, to which a notebook's name is added."""
    port, token = free_port(), secrets.token_hex(16)
    options = [
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}",
        *made("lab"),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    with serving(options, f"http://127.0.0.1:{port}/api", folder):
        yield f"http://127.0.0.1:{port}/lab/tree/{{name}}?reset&token={token}"


@contextmanager
def dashboard(root: Path, folder: Path) -> Iterator[str]:
    """Voila on the notebooks of a folder; the address of a notebook, by its name."""
    port = free_port()
    options = ["voila", str(root), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", *made("dashboard")]
    with serving(options, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/voila/render/{{name}}"


@contextmanager
def chromium(width: int = 1400, height: int = 1500, **options: Any) -> Iterator[Any]:
    """A page of a headless Chromium; `options` are those of Playwright's context."""
    from playwright.sync_api import sync_playwright

    flags = FLAGS + (["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **options)
        try:
            yield context.new_page()
        finally:
            browser.close()


def open_notebook(page: Any, address: str, name: str) -> None:
    """Open a notebook in JupyterLab, wait for its kernel and run all cells."""
    page.goto(address.format(name=name))
    page.wait_for_selector(".jp-NotebookPanel", timeout=120_000)
    page.wait_for_selector("text=/Python 3 .* [|] Idle/", timeout=120_000)
    page.click("text=/^Run$/")
    page.click("text=/^Run All Cells$/")


def ask(address: str, folder: Path, name: str, expression: str) -> Any:
    """The value of an expression in the kernel of an open notebook; a TimeoutError if the kernel is not free for 60 s.

    Parameters
    ----------
    address, folder
        Of `lab`.
    name : str
        Of the notebook.
    expression : str
        Of Python; its value is one that is written as a literal.
    """
    from jupyter_client import BlockingKernelClient

    with urllib.request.urlopen(address.split("/lab/tree/")[0] + "/api/sessions?" + address.partition("?")[2]) as reply:
        (kernel,) = (session["kernel"]["id"] for session in json.load(reply) if session["path"] == name)
    client = BlockingKernelClient(connection_file=str(folder / "runtime" / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        asked = {"value": expression}
        reply = client.execute("", store_history=False, user_expressions=asked, reply=True, timeout=60)
    finally:
        client.stop_channels()
    answer = reply["content"]["user_expressions"]["value"]
    if answer["status"] != "ok":
        raise RuntimeError(f"{answer['ename']}: {answer['evalue']}")
    return ast.literal_eval(answer["data"]["text/plain"])


def screenshot(page: Any, name: str) -> Path:
    """Keep what the page shows among the test artefacts."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=str(path))
    return path

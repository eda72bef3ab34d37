"""kedro-viz: the static site of this project, in headless Chromium."""

import functools
import http.server
import json
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Run

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver)",
    ),
]


@pytest.fixture(scope="module")
def site(study: Path, run: Run) -> Iterator[str]:
    run("kedro", "viz", "build")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=study / "build")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_graph_shows_arms_and_layers(site: str, tmp_path: Path) -> None:
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path}")
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        browser.set_window_size(1600, 1200)
        browser.get(site)

        def texts(of: str) -> set[str | None]:
            return {element.get_attribute("textContent") for element in browser.find_elements(By.CSS_SELECTOR, of)}

        def arms_are_drawn(_: webdriver.Chrome) -> bool:
            return {"unfiltered", "filtered", "misaligned_e2e", "aligned_e2e"} <= texts(".pipeline-node__text")

        WebDriverWait(browser, 60).until(arms_are_drawn)


def test_the_layers_are_in_order(site: str) -> None:
    with urllib.request.urlopen(f"{site}/api/main") as answer:
        layers = json.load(answer)["layers"]
    assert layers == ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]

"""kedro-viz: the static site of this project, in headless Chromium."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = [
    pytest.mark.timeout(290),
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

        def shown(driver: webdriver.Chrome) -> set[str]:
            return {element.text for element in driver.find_elements(By.CSS_SELECTOR, ".pipeline-node__text")}

        arms = {"Unfiltered", "Filtered", "Misaligned E2E", "Aligned E2E"}
        WebDriverWait(browser, 60).until(lambda driver: len(shown(driver)) > 5)
        names = {name.lower() for name in shown(browser)}
        assert {arm.lower() for arm in arms} <= names, names
        layers = {element.text for element in browser.find_elements(By.CSS_SELECTOR, ".pipeline-layer-name")}
        assert layers

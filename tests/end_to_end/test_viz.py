"""kedro-viz: the static site of this project, in headless Chromium."""

import base64
import functools
import http.server
import json
import shutil
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.datasets import FiguresDataset
from tests.end_to_end.conftest import Run

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver)",
)

LAYERS = ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]


@pytest.fixture(scope="module")
def site(study: Path, run: Run) -> Iterator[str]:
    """The smallest study, whose first pipeline has run."""
    run("kedro", "run", "--env", "test", "--pipelines", "synthesis")
    run("env", "KEDRO_ENV=test", "kedro", "viz", "build")
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
            return {"unfiltered", "misaligned_mid"} <= texts(".pipeline-node__text")

        WebDriverWait(browser, 60).until(arms_are_drawn)
        assert "misaligned_e2e" not in texts(".pipeline-node__text")  # of the default study


def _asked(site: str, path: str) -> Any:
    with urllib.request.urlopen(f"{site}/api/{path}") as answer:
        return json.load(answer)


def test_the_layers_are_in_order_and_scratch_space_is_not_drawn(site: str) -> None:
    drawn = _asked(site, "main")
    assert drawn["layers"] == LAYERS
    names = {one["name"] for one in drawn["nodes"]}
    assert "suite" in names and not names & {"scratch", "responses"}


def test_it_shows_what_ran_and_what_was_made(site: str) -> None:
    drawn = _asked(site, "main")
    ids = {one["name"]: one["id"] for one in drawn["nodes"]}
    told = _asked(site, "run-status")
    assert told["nodes"][ids["make_questions"]]["status"] == "success"
    assert ids["read_corpus"] not in told["nodes"]
    assert told["datasets"][ids["questions"]]["size"] > 1000
    assert _asked(site, f"nodes/{ids['questions']}")["stats"]["rows"] == 408


ALL_ARMS = """
import json
from pathlib import Path
from kedro_viz.data_access import data_access_manager as manager
from kedro_viz.integrations.kedro.data_loader import load_data
from kedro_viz.server import populate_data

populate_data(manager, *load_data(Path.cwd(), extra_params={"study": {"run": "all"}}))
manager.create_modular_pipelines_tree_for_registered_pipeline()
print(json.dumps(manager.get_sorted_layers_for_registered_pipeline()))
"""


def test_all_arms_of_the_default_study_stand_in_layers(study: Path, run: Run) -> None:
    assert json.loads(run(sys.executable, "-c", ALL_ARMS).stdout.splitlines()[-1]) == LAYERS


def test_a_figure_is_shown(tmp_path: Path) -> None:
    figures = FiguresDataset(str(tmp_path))
    assert figures.preview() == ""
    for name in ("a", "picture"):
        (tmp_path / f"{name}.png").write_bytes(name.encode())
    assert base64.b64decode(figures.preview("picture")) == b"picture"
    assert base64.b64decode(figures.preview("gone")) == b"a"

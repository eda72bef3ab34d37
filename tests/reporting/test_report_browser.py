"""The page in a real browser: it renders, asks the network for nothing, and fits a phone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield session
    session.quit()


@pytest.fixture(scope="module")
def opened(browser: Any, page: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The browser with the report open."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    Path(file).write_text(page, encoding="utf-8")
    browser.get(file.as_uri())
    return browser


def test_renders_without_errors_or_requests(opened: Any) -> None:
    assert opened.find_element("tag name", "h1").is_displayed()
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert opened.get_log("browser") == []


def test_figures_have_a_size(opened: Any) -> None:
    drawings = opened.find_elements("css selector", "figure svg")
    assert len(drawings) == 13
    assert all(drawing.size["width"] > 200 and drawing.size["height"] > 100 for drawing in drawings)


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_itself_never_scrolls_sideways(opened: Any, width: int) -> None:
    # Headless windows have a least width, so a phone is emulated.
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_number_leads_to_its_key(opened: Any) -> None:
    number = opened.find_element("css selector", "#headline a")
    opened.execute_script("arguments[0].click()", number)
    target = opened.execute_script("return document.querySelector('tr:target code').textContent")
    assert target == number.get_attribute("data-key")

"""The page in a real browser: it renders, asks the network for nothing, and fits a phone."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from alignment_pretraining.pipelines.reporting.nodes import write_plotly


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    with chromium() as session:
        yield session


@contextmanager
def chromium() -> Iterator[Any]:
    """A session of its own."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield session
    session.quit()


@pytest.fixture(scope="module")
def answering(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser with the report open, and Plotly's library beside it as in the study's folder."""
    folder = tmp_path_factory.mktemp("answering")
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "plotly.min.js").write_text(write_plotly(), encoding="utf-8")
    with chromium() as session:
        session.get((folder / "report.html").as_uri())
        yield session


@pytest.fixture(scope="module")
def opened(browser: Any, page: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The browser with the report open."""
    file = tmp_path_factory.mktemp("data") / "08_reporting/report.html"
    file.parent.mkdir()
    file.write_text(page, encoding="utf-8")
    record = {"commit": "66a85ee5b1", "committed": "2026-11-28", "env": "english", "when": "now", "run": "abc"}
    beside = record | {"run_url": "http://127.0.0.1:5000/#/runs/abc", "tables": {"rates": "0123456789abcdef"}}
    records = file.parents[1] / "lineage"
    records.mkdir()
    (records / "report.js").write_text(f"window.lineage = {json.dumps(beside)};")
    browser.get(file.as_uri())
    return browser


def test_renders_without_errors_or_requests(opened: Any) -> None:
    assert opened.find_element("tag name", "h1").is_displayed()
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0
    # The page alone looks for Plotly's library in vain.
    assert [entry for entry in opened.get_log("browser") if "plotly.min.js" not in entry["message"]] == []


def test_figures_have_a_size(opened: Any) -> None:
    drawings = opened.find_elements("css selector", "figure svg")
    assert len(drawings) == 18
    assert all(drawing.size["width"] > 200 and drawing.size["height"] > 100 for drawing in drawings)


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_itself_never_scrolls_sideways(opened: Any, width: int) -> None:
    # Headless windows have a least width, so a phone is emulated.
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width


def _card(browser: Any) -> str:
    return str(
        browser.execute_script("const card = document.querySelector('.card'); return card.hidden ? '' : card.innerText")
    )


def test_a_number_has_a_card_that_leads_to_its_row(opened: Any) -> None:
    number = opened.find_element("css selector", "#headline a")
    opened.execute_script("arguments[0].click()", number)
    card = _card(opened)
    key = number.get_attribute("data-key")
    for told in (key, "95 % interval", "Families", "rates, md5 0123456789ab", f"kedro trace {key} --env english"):
        assert told in card, told
    opened.execute_script("document.querySelector('.card a').click()")
    assert opened.execute_script("return document.querySelector('tr:target code').textContent") == key
    assert _card(opened) == ""


def test_a_row_that_is_led_to_is_not_below_the_head_of_its_table(opened: Any) -> None:
    opened.execute_script(
        "location.hash = ''; location.hash = [...document.querySelectorAll('#numbers tr[id]')].at(-3).id"
    )
    covered = """const row = document.querySelector('tr:target').getBoundingClientRect();
        const head = document.querySelector('tr:target').closest('table').tHead.getBoundingClientRect();
        return row.top < head.bottom - 1 || row.top < 0"""
    assert opened.execute_script(covered) is False


def test_a_mark_of_a_figure_has_a_card(opened: Any) -> None:
    mark = "document.querySelector('#topics svg a')"
    opened.execute_script(
        f"{mark}.querySelector('path, use').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"
    )
    assert "kedro trace topic/" in _card(opened)


def test_the_footer_says_who_made_it(opened: Any) -> None:
    footer = opened.find_element("tag name", "footer")
    assert "66a85ee5b1 of 2026-11-28" in footer.text
    assert footer.find_element("link text", "abc").get_attribute("href").endswith("/#/runs/abc")


def test_a_dark_page_is_dark(opened: Any) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    ground = "return getComputedStyle(document.body).backgroundColor"
    ink = "return getComputedStyle(document.querySelector('figure svg text')).fill"
    assert opened.execute_script(ground) == "rgb(21, 24, 28)"
    assert opened.execute_script(ink) == "rgb(230, 230, 230)"
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize(("section", "mark"), [("topics", ".nsewdrag"), ("paper", ".point"), ("stages", ".point")])
def test_a_figure_answers_to_the_pointer(answering: Any, section: str, mark: str) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait

    def found(script: str) -> Any:
        place = f"const place = document.querySelector('#{section} .panels:has(script) > div');"
        return WebDriverWait(answering, 20).until(lambda browser: browser.execute_script(place + script))

    found("place.scrollIntoView({behavior: 'instant', block: 'center'}); return true")
    drawn = found(f"return place.querySelector('.plot {mark}')")
    assert found("return getComputedStyle(place.querySelector('svg')).display") == "none"
    ActionChains(answering).move_to_element_with_offset(drawn, 1, 1).perform()
    told = found("return place.querySelector('.hovertext')?.textContent")
    key = told[told.rindex("topic/" if section == "topics" else "rate/") :]
    assert "questions" in told and (section == "topics" or "95 %" in told)
    ActionChains(answering).click().perform()
    assert f"kedro trace {key}" in _card(answering)
    assert answering.execute_script("return document.getElementById(arguments[0]).id", key) == key
    ActionChains(answering).send_keys("\ue00c").perform()  # Escape
    assert _card(answering) == ""
    assert answering.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in answering.get_log("browser") if "lineage/report.js" not in entry["message"]] == []


@pytest.mark.parametrize("width", [390, 1200])
def test_with_interactive_figures_the_page_never_scrolls_sideways_either(answering: Any, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    answering.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert answering.execute_script("return document.documentElement.scrollWidth") <= width


def test_interactive_figures_are_dark_on_a_dark_page_and_drawings_on_paper(answering: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    def media(name: str, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        answering.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": name, "features": features})

    drawn = "document.querySelector('#topics .drawn')"
    ink = f"return getComputedStyle({drawn}.querySelector('.plot .xtick text')).fill"
    media("screen", "dark")
    WebDriverWait(answering, 20).until(lambda _: answering.execute_script(ink) == "rgb(230, 230, 230)")
    media("print", "light")
    shown = f"return [...{drawn}.children].map(part => getComputedStyle(part).display)"
    assert answering.execute_script(shown) == ["block", "none", "none"]
    answering.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_without_scripts_the_drawings_show(answering: Any) -> None:
    answering.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    answering.refresh()
    drawings = answering.find_elements("css selector", "#topics svg")
    answering.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert len(drawings) == 1 and drawings[0].size["width"] > 200

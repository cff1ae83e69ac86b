"""What is taken away from the pages: CSV, and the pages themselves as files."""

import csv
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner
from selenium.webdriver.support.ui import WebDriverWait

from infra.commands.dashboard import dashboard
from tests.browser import content
from tests.browser.site import Looking, target
from tests.browser.test_browser_pages import TAGS
from tests.sql.conftest import Lake


def test_the_csv_link_downloads_rows_that_no_spreadsheet_runs(look: Looking, url: str) -> None:
    look.at(f"{url}verdicts")
    look.one("a[download]").click()
    there = look.downloads / "verdicts.csv"
    WebDriverWait(look.driver, 600).until(lambda _: there.exists())
    raw = there.read_bytes().decode("utf-8")
    rows = list(csv.DictReader(raw.splitlines()))
    assert len(rows) == len(look.all("tbody tr"))
    excerpts = {row["excerpt"] for row in rows}
    assert {f"'{formula}" for formula in content.FORMULAS} <= excerpts
    assert set(content.SCRIPTS) - excerpts == set()
    assert [cell for row in rows for cell in row.values() if re.match(r"[=+@\t-]", cell)] == []
    assert look.console() == []


@pytest.fixture(scope="module")
def exported(stack: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "site"
    done = CliRunner().invoke(
        dashboard,
        ["--export", str(folder), "--since", "24h", "--drill-downs", "12"],
        obj=target(stack),
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    return folder


def test_exported_pages_open_from_the_disk_without_a_complaint(look: Looking, exported: Path) -> None:
    pages = sorted(exported.glob("*.html"))
    assert {"index.html", "rules.html", "authors.html", "review.html", "pipeline.html"} <= {page.name for page in pages}
    assert len(pages) >= 6 + 12
    for page in pages:
        look.at(page.as_uri())
        assert look.one("footer").is_displayed()
        assert look.run("return window.ran") is None
        assert set(look.run("return [...document.querySelectorAll('*')].map(one => one.tagName)")) <= {*TAGS, "STYLE"}
        # The style holds: its hash is the policy's.
        assert look.run("return getComputedStyle(document.querySelector('.brand')).fontWeight") == "700"
        assert look.console() == []


def test_every_link_of_the_exported_pages_is_a_file_beside_them(look: Looking, exported: Path) -> None:
    led: set[str] = set()
    for page in sorted(exported.glob("*.html")):
        look.at(page.as_uri())
        leads = look.run(
            "return [...document.querySelectorAll('[href], [src]')]"
            ".map(one => one.getAttribute('href') || one.getAttribute('src'))"
        )
        led |= {unquote(urlsplit(one).path) for one in leads if not one.startswith("#")}
    assert all(not urlsplit(one).scheme and "/" not in one for one in led), led
    assert led == {path.name for path in exported.iterdir()} - ({"index.html"} - led)
    assert any(one.endswith(".csv") for one in led)


def test_an_exported_number_leads_to_its_verdicts(look: Looking, exported: Path) -> None:
    look.at((exported / "index.html").as_uri())
    blocked = look.one(".tiles .block a")
    assert blocked.text == str(content.BLOCKED_SPAM)
    blocked.click()
    assert look.text("h1") == "Verdicts"
    assert len(look.all("tbody tr")) == content.BLOCKED_SPAM
    assert "action: block" in look.text(".chips")


def test_in_an_exported_page_nothing_runs_or_calls_home(look: Looking, exported: Path) -> None:
    look.at((exported / "verdicts.html").as_uri())
    refused = look.driver.execute_async_script(
        """
        const done = arguments[0], seen = [];
        document.addEventListener('securitypolicyviolation', event => {
            seen.push(event.effectiveDirective);
            if (new Set(seen).size === 5) done(seen);
        });
        document.body.insertAdjacentHTML('beforeend', '<img src="http://192.0.2.1/x.png"><p style="color: red"></p>');
        const script = document.createElement('script');
        script.textContent = 'window.ran = 1';
        document.body.append(script);
        document.head.append(Object.assign(document.createElement('style'), {textContent: 'body {display: none}'}));
        fetch('http://192.0.2.1/').catch(() => null);
        """
    )
    assert look.run("return window.ran") is None
    assert look.one("footer").is_displayed()
    assert {"img-src", "style-src-attr", "script-src-elem", "style-src-elem", "connect-src"} <= set(refused)

"""The pages in a real browser: nothing complains, nothing hostile acts, everything has its name."""

from urllib.parse import quote, urlsplit

import pytest

from glue.terminal.sanitize import inert
from tests.browser import content
from tests.browser.site import PAGES, Looking, shown

TAGS = {
    *(
        "HTML",
        "HEAD",
        "META",
        "TITLE",
        "LINK",
        "BODY",
        "HEADER",
        "NAV",
        "MAIN",
        "FOOTER",
        "SECTION",
        "DIV",
        "P",
        "SPAN",
    ),
    *("H1", "H2", "UL", "LI", "A", "STRONG", "SMALL", "BDI", "I", "DETAILS", "SUMMARY", "FORM", "LABEL", "INPUT"),
    *("BUTTON", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "svg", "g", "a", "rect", "line", "text", "title"),
}
"""What pages are made of; anything else has come out of the rows."""


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", ["", "?since=7d"])
def test_a_page_loads_whole_and_the_console_stays_empty(look: Looking, url: str, page: str, query: str) -> None:
    look.at(f"{url}{page}{query}")
    assert look.one("footer").is_displayed()
    assert look.run("return document.styleSheets.length") == 1
    assert not look.all(".failure")
    assert look.console() == []


@pytest.mark.parametrize("page", PAGES)
def test_hostile_rows_stay_text(look: Looking, url: str, page: str) -> None:
    look.at(f"{url}{page}")
    assert look.run("return window.ran") is None
    assert look.driver.title.endswith("· Streamkeeper")
    made = look.run("return [...new Set([...document.querySelectorAll('*')].map(one => one.tagName))]")
    assert set(made) <= TAGS
    attributes = look.run("return [...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames())")
    assert {name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc")} == set()
    leads = look.run("return [...document.querySelectorAll('[href]')].map(one => one.href.baseVal ?? one.href)")
    assert {urlsplit(one).netloc or urlsplit(url).netloc for one in leads} == {urlsplit(url).netloc}
    assert {urlsplit(one).scheme or "http" for one in leads} == {"http"}


def test_every_hostile_text_is_shown_as_it_was_written_with_what_turns_text_escaped(look: Looking, url: str) -> None:
    look.at(f"{url}verdicts")
    excerpts = look.run(
        "const at = [...document.querySelectorAll('thead th')].findIndex(one => one.textContent === 'excerpt');"
        "return [...document.querySelectorAll('tbody tr')].map(row => row.cells[at].textContent)"
    )
    assert set(content.SCRIPTS) | {content.LONG, *content.FORMULAS[:4]} <= set(excerpts)
    assert content.SHOWN_TURNED in excerpts
    assert r"\t=1+1" in excerpts
    assert not any(turning in look.driver.page_source for turning in "\u202e\u2066\u200f\u061c\ufeff")


@pytest.mark.parametrize("name", ["surface", "label", "rule", "author"])
@pytest.mark.parametrize("text", [*content.SCRIPTS, content.TURNED])
def test_a_hostile_address_stays_text_too(look: Looking, url: str, name: str, text: str) -> None:
    look.at(f"{url}verdicts?{name}={quote(text)}")
    assert look.one(f"input[name={name}]").get_property("value") == text
    assert look.run("return document.querySelector('.chips bdi').textContent") == inert(text)
    assert look.run("return window.ran") is None
    assert set(look.run("return [...document.querySelectorAll('*')].map(one => one.tagName)")) <= TAGS
    assert look.console() == []


@pytest.mark.parametrize(
    "address", ["%3Cscript%3Ewindow.ran=1%3C/script%3E", "?%3Cimg%20src=x%20onerror=window.ran=1%3E"]
)
def test_an_address_that_cannot_be_meant_says_so_and_is_not_run(look: Looking, url: str, address: str) -> None:
    look.at(url + address)
    assert look.run("return window.ran") is None
    assert "That cannot be shown" in look.text("main")
    assert set(look.run("return [...document.querySelectorAll('*')].map(one => one.tagName)")) <= TAGS
    look.one("main a").click()
    assert look.text("h1") == "Overview"


def test_what_got_into_a_page_all_the_same_would_not_run_nor_call_home(look: Looking, url: str) -> None:
    look.at(url)
    refused = look.driver.execute_async_script(
        """
        const done = arguments[0], seen = [];
        document.addEventListener('securitypolicyviolation', event => {
            seen.push(event.effectiveDirective);
            // Each refusal is told when the browser gets to it.
            if (new Set(seen).size === 5) done(seen);
        });
        document.body.insertAdjacentHTML('beforeend', '<img src="http://192.0.2.1/x.png"><p style="color: red"></p>');
        const script = document.createElement('script');
        script.textContent = 'window.ran = 1';
        document.body.append(script);
        document.body.append(Object.assign(document.createElement('iframe'), {src: 'http://192.0.2.1/'}));
        fetch('http://192.0.2.1/').catch(() => null);
        """
    )
    assert look.run("return window.ran") is None
    assert {"img-src", "style-src-attr", "script-src-elem", "frame-src", "connect-src"} <= set(refused), shown(refused)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_landmarks_one_heading_and_tables_with_headers(look: Looking, url: str, page: str) -> None:
    look.at(f"{url}{page}")
    there = look.accessible()
    roles = [one["role"] for one in there]
    assert [roles.count(role) for role in ("banner", "main", "contentinfo")] == [1, 1, 1]
    assert {one["name"] for one in there if one["role"] == "navigation"} == {"Pages", "Period"}
    assert look.all("h1, h2, h3")[0].tag_name == "h1"
    assert len(look.all("h1")) == 1
    assert look.run("return document.documentElement.lang") == "en"
    assert len(look.all("nav [aria-current=page]")) == 1
    tables = look.all("table")
    assert tables
    unnamed = look.run(
        "return [...document.querySelectorAll('th')].filter(one => !one.scope || !one.textContent.trim())"
        ".map(one => one.outerHTML)"
    )
    assert unnamed == []
    headless = (
        "return [...document.querySelectorAll('table')].filter(one => !one.querySelector('thead th[scope=col]')).length"
    )
    assert look.run(headless) == 0
    ids = look.run("return [...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_can_be_used_or_seen_has_a_name(look: Looking, url: str, page: str) -> None:
    look.at(f"{url}{page}?label=spam")
    look.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    there = look.accessible()
    named = ("link", "button", "textbox", "image", "region", "img", "graphics-document", "DisclosureTriangle")
    assert [one for one in there if one["role"] in named and not one["name"].strip()] == []
    fields = {one["name"] for one in there if one["role"] == "textbox"}
    assert fields == {"since", "until", "surface", "language", "label", "action", "rule", "author"}
    if page == "":
        (picture,) = [one["name"] for one in there if one["role"] in ("image", "img")]
        assert picture.startswith("7 events over time, 7 of them acted on; most at 2026-11-02 09:00 UTC: 7")


def test_the_chart_says_the_same_as_its_table_and_each_bar_leads_to_its_hour(look: Looking, url: str) -> None:
    look.at(url)
    said = look.run("return [...document.querySelectorAll('.chart title')].map(one => one.textContent)")
    assert len(said) == 24
    assert "2026-11-02 09:00 UTC: 8 events, 7 block" in said
    assert "2026-11-01 18:00 UTC: 0 events, none acted on" in said
    hours_shown = (
        "return [...document.querySelectorAll('details table tbody tr')].map(row => row.cells[0].textContent.trim())"
    )
    look.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    hours = [one.partition(":00 UTC")[0] for one in said if " 0 events" not in one]
    assert [hour[:13] for hour in look.run(hours_shown)] == hours
    look.one("details:has(table) tbody th a").click()
    assert look.text(".period") == "2026-11-02 00:00:00Z to 2026-11-02 01:00:00Z"
    assert len(look.all("tbody tr")) == 1
    look.driver.back()
    bar = next(a for a in look.all(".chart a") if "09:00 UTC" in a.get_attribute("textContent"))
    look.driver.get(look.run("return new URL(arguments[0].href.baseVal, location).href", bar))
    assert len(look.all("tbody tr")) == 8

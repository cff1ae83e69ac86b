"""The pages by keyboard alone."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import content
from tests.browser.contrast import FOCUS
from tests.browser.site import PAGES, Looking, shown


def test_the_first_stop_is_a_link_past_the_navigation(look: Looking, url: str) -> None:
    look.at(url)
    look.press(Keys.TAB)
    skip = look.focused
    assert skip.text == "Skip to the figures"
    assert skip.location["x"] >= 0
    look.press(Keys.ENTER)
    assert look.focused.get_attribute("id") == "content"
    look.press(Keys.TAB)
    assert look.run("return document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("page", PAGES)
def test_tab_reaches_everything_in_the_order_it_is_read_and_the_focus_is_seen(
    look: Looking, url: str, page: str
) -> None:
    look.at(f"{url}{page}?label=spam")
    wanted = look.run(
        "return [...document.querySelectorAll('a[href], input, button, summary, .scroll')]"
        ".filter(one => one.checkVisibility() && one.tabIndex >= 0)"
    )
    assert len(wanted) > 20
    unseen = []
    for element in wanted:
        look.press(Keys.TAB)
        assert look.focused == element, element.get_attribute("outerHTML")
        ring = look.run(FOCUS, element)
        if ring["style"] in ("none", "hidden") or ring["wide"] < 2 or len(ring["sides"]) < 3 or ring["ratio"] < 3:
            unseen.append((element.get_attribute("outerHTML")[:90], ring))
    assert unseen == [], shown(unseen)


def test_filters_are_typed_and_sent_by_keyboard(look: Looking, url: str) -> None:
    look.at(f"{url}verdicts")
    look.tab_to(look.one("summary"))
    look.press(Keys.ENTER, Keys.TAB)
    assert look.focused.get_attribute("name") == "since"
    look.press(Keys.CONTROL + "a", "2d")
    look.tab_to(look.one("input[name=action]"))
    look.press("block", Keys.ENTER)
    assert look.text("h1") == "Verdicts"
    assert "since=2d" in look.driver.current_url
    assert look.text(".chips").startswith("action: block")
    assert len(look.all("tbody tr")) == content.BLOCKED_SPAM


@pytest.mark.parametrize(
    ("row", "column", "rows"),
    [("spam", "block", content.BLOCKED_SPAM), ("threat", "review", content.REVIEWED_THREATS)],
)
def test_a_number_leads_to_as_many_verdicts_and_back(look: Looking, url: str, row: str, column: str, rows: int) -> None:
    look.at(url)
    cell = look.run(
        """
        for (const table of document.querySelectorAll('table')) {
          const names = [...table.querySelectorAll('thead th')].map(one => one.textContent.trim());
          const at = names.indexOf(arguments[1]);
          if (names[0] !== 'label') continue;
          for (const line of table.tBodies[0].rows)
            if (line.cells[0].textContent.trim() === arguments[0]) return line.cells[at].querySelector('a');
        }
        """,
        row,
        column,
    )
    assert cell.text == str(rows)
    look.tab_to(cell)
    look.press(Keys.ENTER)
    assert look.text("h1") == "Verdicts"
    assert len(look.all("tbody tr")) == rows
    assert [chip.text for chip in look.all(".chips li span")] == [f"label: {row}", f"action: {column}"]
    look.driver.back()
    assert look.text("h1") == "Overview"


def test_every_number_of_the_overview_leads_to_as_many_verdicts(look: Looking, url: str) -> None:
    look.at(url)
    leads = look.run(
        """
        return [...document.querySelectorAll('td.number a, .tiles a')]
          .filter(one => /^[0-9]+$/.test(one.textContent) && one.href.includes('/verdicts'))
          // Hostile rows have one event each, flagged: one of the two numbers is enough.
          .filter(one => one.closest('.tiles') || !one.href.includes('action=flag'))
          .map(one => [one.href, Number(one.textContent)])
        """
    )
    assert len(leads) > 30
    wrong = []
    for address, count in dict(map(tuple, leads)).items():
        look.at(address)
        if len(look.all("tbody tr")) != count:
            wrong.append((address, count, len(look.all("tbody tr"))))
    assert wrong == [], shown(wrong)


def test_a_filter_is_taken_away_by_keyboard(look: Looking, url: str) -> None:
    look.at(f"{url}verdicts?label=spam&action=block")
    look.tab_to(look.one("[aria-label='Remove the filter action']"))
    look.press(Keys.ENTER)
    assert [chip.text for chip in look.all(".chips li span")] == ["label: spam"]
    look.tab_to(look.one("[aria-label='Remove the filter label']"))
    look.press(Keys.ENTER)
    assert look.all(".chips li") == []
    assert look.driver.current_url == f"{url}verdicts"

"""How the pages look: readable in light and dark, whole on a narrow screen."""

import pytest

from tests.browser.contrast import EDGES, TEXTS
from tests.browser.site import PAGES, Looking, shown

READABLE, SEEN = 4.5, 3.0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", [*PAGES, "?since=2h", "nothing-here"])
def test_every_text_stands_out_enough_from_what_is_behind_it(look: Looking, url: str, scheme: str, page: str) -> None:
    look.scheme(scheme)
    look.at(f"{url}{page}{'&' if '?' in page else '?'}label=spam")
    look.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    texts = look.run(TEXTS)
    assert len(texts) > 15
    faint = [one for one in texts if one["ratio"] < READABLE]
    assert faint == [], shown(faint)
    assert [one for one in look.run(EDGES) if one["ratio"] < SEEN] == []


def test_the_colours_follow_the_system(look: Looking, url: str) -> None:
    found = {}
    for scheme in ("light", "dark"):
        look.scheme(scheme)
        look.at(url)
        found[scheme] = look.run("return getComputedStyle(document.body).backgroundColor")
    assert found == {"light": "rgb(244, 246, 249)", "dark": "rgb(16, 21, 28)"}


@pytest.mark.parametrize("width", [320, 640, 1000])
@pytest.mark.parametrize("page", PAGES)
def test_a_narrow_page_does_not_scroll_sideways(look: Looking, url: str, page: str, width: int) -> None:
    look.wide(width)
    look.at(f"{url}{page}")
    look.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    beyond = look.run(
        """
        const wide = document.documentElement.clientWidth;
        return [document.documentElement.scrollWidth - wide, [...document.querySelectorAll('body *')]
          .filter(one => !one.closest('.scroll') && one.getBoundingClientRect().right > wide + 1)
          .map(one => one.outerHTML.slice(0, 80))];
        """
    )
    assert beyond == [0, []]


@pytest.mark.parametrize("width", [320, 640, 1000])
def test_the_words_of_a_chart_can_be_read_on_a_narrow_page(look: Looking, url: str, width: int) -> None:
    look.wide(width)
    look.at(url)
    sizes = look.run(
        """
        const chart = document.querySelector('svg.chart');
        const scale = chart.getBoundingClientRect().width / chart.viewBox.baseVal.width;
        return [...chart.querySelectorAll('text')].map(one => parseFloat(getComputedStyle(one).fontSize) * scale);
        """
    )
    assert len(sizes) > 6
    assert min(sizes) >= 9.0


@pytest.mark.parametrize("width", [320, 1000])
def test_long_filters_break_instead_of_pushing_the_page_wide(look: Looking, url: str, width: int) -> None:
    look.wide(width)
    look.at(f"{url}verdicts?author={'w' * 256}")
    assert look.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0

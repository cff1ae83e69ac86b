"""What the pages say when there is nothing to see, or nobody to ask."""

import pytest

from athena.engine import EngineUnreachable, QueryFailed
from tests.browser.site import PAGES, Failing, Looking, served
from tests.sql.conftest import Lake


def test_an_empty_period_says_so_and_offers_longer_ones(look: Looking, url: str) -> None:
    look.at(f"{url}?since=2026-10-01&until=2026-10-02")
    assert "No content in this period" in look.text(".notice")
    assert "streamkeeper produce" in look.text(".notice")
    look.one(".notice a").click()
    assert "since=7d" in look.driver.current_url or look.driver.current_url == url
    assert look.all("tbody tr")
    assert look.console() == []


def test_a_period_without_content_after_one_with_some_says_so_too(look: Looking, url: str) -> None:
    look.at(f"{url}?since=2026-11-02T17:00:00Z&until=2026-11-02T18:00:00Z")
    assert "No content in this period" in look.text(".notice")
    assert "13 in the period before" in look.text(".tiles")


def test_filters_that_leave_nothing_can_be_taken_away_at_once(look: Looking, url: str) -> None:
    look.at(f"{url}rules?label=nothing-like-it&since=7d")
    assert "No content for these filters" in look.text(".notice")
    look.one(".notice a").click()
    assert look.driver.current_url == f"{url}rules?since=7d"
    assert look.all("tbody tr")


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_page_is_whole_and_each_table_says_what_its_emptiness_means(
    look: Looking, url: str, page: str
) -> None:
    look.at(f"{url}{page}?since=2026-10-01&until=2026-10-02")
    assert look.one("footer").is_displayed()
    for card in look.all("section.card"):
        assert card.find_elements("css selector", ".none, tbody tr"), card.text
    assert look.console() == []


@pytest.mark.parametrize("page", PAGES)
def test_without_athena_a_page_says_why_and_what_to_do(look: Looking, stack: Lake, page: str) -> None:
    gone = EngineUnreachable("nobody answers at http://127.0.0.1:4566", hint="streamkeeper up starts it <b>here</b>")
    with served(Failing(gone), stack) as url:
        look.at(f"{url}{page}")
        assert look.text(".notice").splitlines()[0] == "No answer"
        assert "nobody answers at http://127.0.0.1:4566 (streamkeeper up starts it <b>here</b>)" in look.text(".notice")
        for card in look.all("section.card"):
            assert "streamkeeper up starts it" in card.text
            assert "newest verdict unknown · completeness unknown" in card.text
        assert {one["role"] for one in look.accessible()} >= {"alert", "main", "heading"}
        assert look.console() == []


def test_a_failed_query_is_asked_again_on_the_next_look(look: Looking, stack: Lake) -> None:
    class Once:
        """Fails once for each statement."""

        def __init__(self) -> None:
            self.seen: set[tuple[str, ...]] = set()

        def run(self, sql: str, parameters: object = (), *, database: str, workgroup: str) -> object:
            key = (sql, *map(str, parameters))  # type: ignore[call-overload]
            if key not in self.seen:
                self.seen.add(key)
                raise QueryFailed("EXHAUSTED RESOURCES", hint="ask for fewer days")
            return stack.engine.run(sql, parameters, database=database, workgroup=workgroup)  # type: ignore[arg-type]

    with served(Once(), stack) as url:  # type: ignore[arg-type]
        look.at(url)
        assert "ask for fewer days" in look.text("main")
        look.at(url)
        assert "ask for fewer days" not in look.text("main")
        assert look.all("tbody tr")


def test_a_broken_file_in_the_lake_is_named_where_its_day_is_asked_for(look: Looking, stack: Lake) -> None:
    key = "verdicts/dt=2026-11-02/part-broken.parquet"
    stack.twin.objects.put(stack.bucket, key, b"PAR1 this is no Parquet PAR1")
    try:
        with served(stack.engine, stack) as url:
            look.at(url)
            assert "No answer" in look.text(".notice")
            assert "part-broken.parquet" in look.text(".notice")
            look.at(f"{url}pipeline")
            completeness = next(card for card in look.all("section.card") if card.text.startswith("Completeness"))
            assert "97.5 %" in completeness.text
    finally:
        stack.twin.objects.delete(stack.bucket, key)

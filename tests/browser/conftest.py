"""One filled lake, one server, one browser for all tests of the pages."""

from collections.abc import Iterator

import pytest

from infra.local.twin import Twin
from tests.browser.chromium import chromium
from tests.browser.site import Looking, fill, served
from tests.sql.conftest import Lake


@pytest.fixture(scope="session")
def stack() -> Iterator[Lake]:
    with Twin() as twin:
        lake = Lake(twin)
        fill(lake)
        yield lake


@pytest.fixture(scope="session")
def url(stack: Lake) -> Iterator[str]:
    with served(stack.engine, stack) as address:
        yield address


@pytest.fixture(scope="session")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    folder = tmp_path_factory.mktemp("chromium")
    with chromium(folder) as driver:
        yield Looking(driver, folder / "downloads")


@pytest.fixture
def look(_browser: Looking) -> Looking:
    """The browser, as if just started."""
    _browser.as_at_first()
    return _browser

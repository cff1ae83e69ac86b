"""The dashboard as a browser meets it: served over a filled lake, and looked at."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from athena.dashboard.lake import Lake
from athena.dashboard.serving import serving
from athena.engine import Answer, Engine
from glue.catalog.tables import AUDITS, QUARANTINE, VERDICTS, Table
from infra.commands.stack import Target
from tests.browser import content
from tests.sql.conftest import Lake as Stack

NOW = datetime.fromisoformat(content.NOW).timestamp()
PAGES = ("", "rules", "authors", "review", "pipeline", "verdicts")
_TABLES: Mapping[Table, Sequence[Mapping[str, Any]]] = {
    VERDICTS: content.VERDICTS,
    QUARANTINE: content.QUARANTINED,
    AUDITS: content.AUDITED,
}


def fill(stack: Stack) -> None:
    """Puts the rows into the lake."""
    for table, rows in _TABLES.items():
        stack.fill([[dict(row) for row in rows]], table)


def target(stack: Stack) -> Target:
    """What a command asks, at the moment that the rows are made for."""
    return Target(engine=stack.engine, database=stack.database, workgroup=stack.workgroup, now=lambda: NOW)


class Failing:
    """An engine that gives no answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        raise self._error


@contextmanager
def served(engine: Engine, stack: Stack) -> Iterator[str]:
    """The address, with a slash at its end, at which the pages are."""
    with ThreadPoolExecutor(4) as pool:
        lake = Lake(engine, database=stack.database, workgroup=stack.workgroup, pool=pool, now=lambda: NOW)
        with serving(lake, port=0) as (url, serve):
            threading.Thread(target=serve, daemon=True).start()
            yield url


@dataclass
class Looking:
    """A browser and what a test asks of it."""

    driver: WebDriver
    downloads: Path

    def at(self, url: str) -> None:
        """Opens a page and waits until all of it is there."""
        self.driver.get(url)
        assert self.run("return document.readyState") == "complete"

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str = "body") -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", css))

    @property
    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element

    def press(self, *keys: str) -> None:
        """Types into whatever has the focus."""
        for key in keys:
            self.focused.send_keys(key)

    def tab_to(self, element: WebElement, *, most: int = 400) -> None:
        """Presses Tab until the element has the focus."""
        for _ in range(most):
            if self.focused == element:
                return
            self.press(Keys.TAB)
        raise AssertionError(f"{most} times Tab did not lead to {element.get_attribute('outerHTML')}")

    def console(self) -> list[str]:
        """What the console said since it was last asked: errors, warnings, violations of the policy."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def scheme(self, name: str) -> None:
        """The system's colours from now on: light or dark."""
        # Without it a click may come while the page still glides to what is clicked.
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        features = [{"name": "prefers-color-scheme", "value": name}, still]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def wide(self, pixels: int) -> None:
        size = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def as_at_first(self) -> None:
        """Undoes what a test has set, and forgets what the console said."""
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.scheme("light")
        self.driver.get("about:blank")
        self.console()

    def accessible(self) -> list[dict[str, str]]:
        """What a screen reader is given: role and name of everything that is not left out."""
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            {"role": str(node["role"]["value"]), "name": str(node.get("name", {}).get("value", ""))}
            for node in nodes
            if not node["ignored"]
        ]


def shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)

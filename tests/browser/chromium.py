"""Headless Chromium for tests and benchmarks: what is on this machine, started with a profile of its own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

GET_IT = "Debian and Ubuntu have both: apt-get install chromium chromium-driver"
_FLAGS = (
    "--headless",
    # As root, in a container, Chromium's own sandbox cannot be set up.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    # It asks nobody for anything: pages are the only traffic.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


def found(variable: str, name: str) -> str:
    """The path of a program: what the environment variable says, else what goes by that name on the PATH.

    Raises:
        FileNotFoundError: it is not there; the message says how to get it.
    """
    path = os.environ.get(variable) or shutil.which(name)
    if path is None or not Path(path).is_file():
        raise FileNotFoundError(f"{path or name} is not on this machine. {GET_IT}; or name it by {variable}=/path")
    return path


@contextmanager
def chromium(folder: Path, *, wait: bool = True) -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile; it keeps what the console says, and downloads into ``folder / "downloads"``.

    Args:
        folder: takes the profile and the downloads.
        wait: whether opening a page comes back when it is whole, or at once.

    Raises:
        FileNotFoundError: there is no Chromium or no ChromeDriver.
    """
    options = Options()
    options.binary_location = found("CHROMIUM", "chromium")
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.page_load_strategy = "normal" if wait else "none"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    downloads: dict[str, Any] = {"download.default_directory": str(folder / "downloads")}
    options.add_experimental_option("prefs", downloads)
    driver = webdriver.Chrome(options, Service(executable_path=found("CHROMEDRIVER", "chromedriver")))
    try:
        driver.set_page_load_timeout(600)
        driver.set_script_timeout(600)
        yield driver
    finally:
        driver.quit()

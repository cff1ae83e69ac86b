"""What holds for all tests."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import Phase, settings

# How long an example takes says more about what else the machine does than about the code. The tests of a change look
# at the same examples each time, so that what fails is the change's; many look for ones that nobody has tried.
settings.register_profile("few", deadline=None, derandomize=True, database=None, max_examples=15)
settings.register_profile("many", deadline=None, database=None, print_blob=True, max_examples=300)
# With a defect planted one failure is enough.
settings.register_profile(
    "planted", settings.get_profile("few"), max_examples=25, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("few")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the garbage collector from modules and tests, which stay for the whole run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        # What tests make is small and soon gone: looking through it after each 700 objects is a tenth of their time.
        gc.set_threshold(50_000, 20, 20)


def pytest_unconfigure() -> None:
    """Gives all of it back to the collector: what it never sees, DuckDB calls leaked when the process ends."""
    gc.unfreeze()

"""What holds for all tests."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import Phase, settings

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("untimed", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=15)
# With a defect planted one failure is enough, and the same examples each time make the same score.
settings.register_profile(
    "planted",
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the garbage collector from modules and tests, which stay for the whole run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Gives all of it back to the collector: what it never sees, DuckDB calls leaked when the process ends."""
    gc.unfreeze()

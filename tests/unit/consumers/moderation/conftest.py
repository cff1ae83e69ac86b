"""What is compiled is compared with Python where there is a compiler; without one there is nothing to compare."""

import ctypes
import os

import pytest

from consumers import native
from infra.native import compile_with, compiler

COMPILER = compiler(os.environ)

collect_ignore = [] if COMPILER else ["test_native_finding.py", "test_native_scorer.py"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.PyDLL:
    """Compiled from the sources as they are now."""
    assert COMPILER is not None
    path = tmp_path_factory.mktemp("native") / native.FILE
    compile_with([COMPILER], path, flags=["-Wall", "-Wextra", "-Wconversion", "-Werror"])
    loaded = native.load(str(path), native.sources())
    assert loaded is not None
    return loaded

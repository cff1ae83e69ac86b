"""What a process does without, seen from another one."""

import subprocess
import sys

CHECK = """
import sys
from infra.local.imports import leave_out
leave_out("pandas")
import pyarrow
assert pyarrow.array([1, 2]).to_pylist() == [1, 2]
assert pyarrow.scalar(1).as_py() == 1
assert "pandas" not in sys.modules
try:
    import pandas
except ModuleNotFoundError:
    print("left out")
"""


def test_arrow_works_without_the_package_that_is_left_out() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("left out\n", "")

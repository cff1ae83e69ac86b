"""What is compiled is compared with Python where there is a compiler; without one there is nothing to compare."""

import os

from infra.native import compiler

collect_ignore = [] if compiler(os.environ) else ["test_native_scorer.py"]

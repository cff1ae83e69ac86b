"""``python -m benchmarks.cold_start``: what a cold start of the handler costs, beside boto3 and its clients alone.

Each start is a fresh interpreter that sees two folders, as in Lambda: the bundle, with bytecode where the machine that
made it had Lambda's Python, and the runtime's boto3. What else is installed here is out of sight.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import click

from infra.bundle import LIBRARY, ROOT, base_dependencies, compile_all, copy_packages, tidy, with_their_own

MOST = 1.3
"""Times what importing boto3 and making the same clients takes."""

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_LAMBDA_FUNCTION_NAME": "moderate",
    "VERDICTS_DELIVERY_STREAM": "verdicts",
    "QUARANTINE_DELIVERY_STREAM": "quarantine",
    "EVENT_BUS_NAME": "bus",
    "STATUS_TABLE": "statuses",
}
"""With a function's name the handler prepares itself as it is imported: clients, policy, model."""

BESIDE = """
import boto3
from botocore.config import Config
config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=5)
clients = [boto3.client(service, config=config) for service in ("firehose", "events", "dynamodb")]
"""
OURS = """
from consumers.aws import moderate_handler
assert moderate_handler.handle.is_ready
"""
TIMED = """
import sys, time
sys.path[:0] = {paths!r}
begun = time.process_time()
exec({code!r})
print(time.process_time() - begun)
"""


def copy_bundle(bundle: Path) -> None:
    """The bundle for the machine and the Python that this runs on: what is installed here, less what is left out."""
    bundle.mkdir()
    for name in with_their_own(base_dependencies((ROOT / "pyproject.toml").read_text(encoding="utf-8"))):
        for file in metadata.files(name) or []:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (bundle / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), bundle / file)
    copy_packages(bundle)
    if (ROOT / LIBRARY).is_file():
        shutil.copy(ROOT / LIBRARY, bundle / LIBRARY)
    tidy(bundle)


def link_runtime(runtime: Path) -> None:
    """What Lambda's Python has beside the bundle: boto3, and what it needs."""
    runtime.mkdir()
    for name in RUNTIME:
        (runtime / name).symlink_to(Path(str(metadata.distribution("boto3").locate_file(name))))


def make_folders(folder: Path) -> list[Path]:
    """The bundle with bytecode, the one without, and boto3."""
    compiled, bundle, runtime = folder / "compiled", folder / "source", folder / "runtime"
    copy_bundle(bundle)
    link_runtime(runtime)
    shutil.copytree(bundle, compiled)
    compile_all(compiled, sys.executable)
    return [compiled, bundle, runtime]


def start(code: str, paths: Sequence[Path], *flags: str) -> float:
    """Seconds of CPU from the first import to the end, without the interpreter's own start."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", *flags, "-c", TIMED.format(paths=[str(path) for path in paths], code=code)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return float(done.stdout)


@click.command(epilog="Example: python -m benchmarks.cold_start --rounds 25 --json")
@click.option("--rounds", default=15, show_default=True, type=click.IntRange(3, 1000), help="Starts of each, in turns.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(rounds: int, as_json: bool) -> None:
    """Starts both again and again, in turns; fails when the handler takes more than 1.3 times as long."""
    found: dict[str, list[float]] = {"boto3 and three clients": [], "the handler": [], "without bytecode": []}
    with tempfile.TemporaryDirectory() as folder:
        compiled, bundle, runtime = make_folders(Path(folder))
        start(BESIDE, [runtime])  # writes boto3's bytecode where there is none
        for _ in range(rounds):
            starts = ((BESIDE, [runtime]), (OURS, [compiled, runtime]), (OURS, [bundle, runtime]))
            for times, (code, paths) in zip(found.values(), starts, strict=True):
                times.append(start(code, paths, "-B") * 1000)
    beside = found["boto3 and three clients"]
    ratios = {name: [mine / other for mine, other in zip(times, beside, strict=True)] for name, times in found.items()}
    ratio = statistics.median(ratios["the handler"])
    if as_json:
        print(json.dumps({"milliseconds": found, "ratios": ratios, "ratio": ratio, "allowed": MOST}))
    else:
        print(f"{'a cold start':<26}{'ms of CPU':>10}{'ratio (min - max)':>24}")
        for name, times in found.items():
            between = f"{statistics.median(ratios[name]):.2f} ({min(ratios[name]):.2f} - {max(ratios[name]):.2f})"
            print(f"{name:<26}{statistics.median(times):>10.0f}{between:>24}")
        print(f"allowed with bytecode: {MOST}")
    sys.exit(ratio > MOST)


if __name__ == "__main__":
    main()

"""pip-audit over every lock: against the advisories of a folder, or of the package index where it answers.

The folder is a copy of the Python Packaging Advisory Database; pip-audit asks for it in OSV's form on this machine.
pip-audit passes a package that its service does not know; here such a package counts as not looked at.

Source: https://google.github.io/osv.dev/post-v1-query/
"""

import json
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from infra.supply_chain.exceptions import Finding, left, read
from infra.supply_chain.licences import pinned
from infra.supply_chain.steps import FAILED, NOT_RUN, Step, judged, run

LOCKS = (
    "requirements.lock",
    "infra/serving/requirements.lock",
    "infra/aws/requirements-sam.lock",
    "infra/requirements-zig.lock",
    "infra/supply_chain/requirements-audit.lock",
    "benchmarks/requirements-peers.lock",
)


def advisories(root: Path, tools: Path, folder: Path | None) -> Step:
    """Known vulnerabilities of what the locks pin.

    Args:
        root: the project's folder.
        tools: the folder with ``pip-audit``.
        folder: a copy of the advisory database; None asks the package index.
    """
    if folder is not None and not (folder / "vulns").is_dir():
        said = f"received {str(folder)!r}, which has no folder vulns; allowed: a copy of the PyPA advisory database"
        return Step("pip-audit", FAILED, said, (said,))
    packages = {name for lock in LOCKS for name, _ in pinned((root / lock).read_text("utf-8"))}
    if folder is None:
        found, unseen, error = _asked(root, tools, [])
        where = "the package index"
    else:
        with served(folder) as url:
            found, unseen, error = _asked(root, tools, ["-s", "osv", "--osv-url", url])
        where = f"advisories up to {newest(folder)} in a folder, offline"
    if error or unseen:
        why = error or f"{len(unseen)} of {len(packages)} packages are not known to it, such as {min(unseen)}"
        hint = "; give a copy of the PyPA advisory database: make audit ADVISORIES=folder" if folder is None else ""
        return Step("pip-audit", NOT_RUN, f"{where} does not answer for them: {why}{hint}")
    return judged(
        "pip-audit", left(found, read("pip-audit")), f"{len(packages)} packages of {len(LOCKS)} locks; {where}"
    )


def _asked(root: Path, tools: Path, service: list[str]) -> tuple[list[Finding], set[str], str]:
    found: dict[tuple[str, str], Finding] = {}
    unseen: set[str] = set()
    # Its cache would hold answers of another folder; a fresh one forgets them.
    with tempfile.TemporaryDirectory(prefix="streamkeeper-audit-") as cache:
        for lock in LOCKS:
            command = [str(tools / "pip-audit"), "--disable-pip", "--require-hashes", "--requirement", lock, *service]
            command += ["--format", "json", "--progress-spinner", "off", "--cache-dir", cache]
            code, said, error = run(command, cwd=root)
            if code not in (0, 1) or not said.strip():
                return [], set(), f"{lock}: {(error.strip().splitlines() or ['nothing was said'])[-1][:300]}"
            for one in json.loads(said)["dependencies"]:
                if "skip_reason" in one:
                    unseen.add(one["name"])
                for vulnerability in one.get("vulns", []):
                    fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
                    where = f"{one['name']}=={one['version']}"
                    said_of = f"{lock}; fixed in {fixed}"
                    found[where, vulnerability["id"]] = Finding(vulnerability["id"], where, said_of)
    return list(found.values()), unseen, ""


def newest(folder: Path) -> str:
    """The day of the newest advisory in a folder, as it says itself."""
    day = ""
    for path in (folder / "vulns").glob("*/*.yaml"):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith(("modified:", "published:")):
                day = max(day, line.partition(":")[2].strip(" '\"")[:10])
    return day or "no day"


def matching(folder: Path, name: str, version: str) -> list[dict[str, Any]]:
    """The advisories of a folder that a version of a package is affected by, in OSV's form."""
    found = []
    plain = re.sub(r"[-_.]+", "-", name).lower()
    for path in sorted((folder / "vulns" / plain).glob("*.yaml")):
        advisory = yaml.safe_load(path.read_text("utf-8"))
        if any(_affects(one, plain, version) for one in advisory.get("affected", [])):
            found.append(advisory)
    return found


def _affects(affected: dict[str, Any], name: str, version: str) -> bool:
    package = affected.get("package", {})
    if package.get("ecosystem") != "PyPI" or re.sub(r"[-_.]+", "-", str(package.get("name"))).lower() != name:
        return False
    if version in [str(one) for one in affected.get("versions", [])]:
        return True
    return any(_within(one["events"], version) for one in affected.get("ranges", []) if one.get("type") == "ECOSYSTEM")


def _within(events: list[dict[str, str]], version: str) -> bool:
    """Source: https://ossf.github.io/osv-schema/#evaluation"""
    try:
        asked, inside = Version(version), False
        for kind, at in sorted(
            ((k, str(v)) for event in events for k, v in event.items()), key=lambda e: Version(e[1])
        ):
            if kind == "introduced" and asked >= Version(at):
                inside = True
            elif (kind == "fixed" and asked >= Version(at)) or (kind == "last_affected" and asked > Version(at)):
                inside = False
    except InvalidVersion:
        return False
    return inside


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder's advisories are asked for as OSV's are, on this machine only."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = matching(folder, asked["package"]["name"], asked["version"])
            body = json.dumps({"vulns": found} if found else {}, default=str).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""The licence of every package in a lock, by what the installed one says of itself."""

import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from infra.sbom import stated_licence
from infra.supply_chain.exceptions import Finding, left, read
from infra.supply_chain.steps import Step, judged

ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "MPL-2.0"}
    | {"PSF-2.0", "Unlicense", "Zlib"}
)
"""SPDX identifiers of licences that let an Apache-2.0 project use the package, unchanged, beside it."""
SPDX = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
"""Older names that packages give, in lower case, and what they mean."""

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pinned(lock: str) -> list[tuple[str, str]]:
    """Names and versions in a lock, in its order.

    >>> pinned("a==1.0 ; python_version < '3.12' \\\\\\n    --hash=sha256:00\\nb==2\\n")
    [('a', '1.0'), ('b', '2')]
    """
    return _PINNED.findall(lock)


def allowed(licence: str) -> bool:
    """Whether a licence lets us use a package: of ``OR`` one part has to, of ``AND`` all.

    >>> allowed("MIT OR GPL-2.0-only"), allowed("Apache-2.0 AND CNRI-Python"), allowed("MIT AND GPL-2.0-only")
    (True, True, False)
    """
    plain = licence.replace("(", " ").replace(")", " ") if " AND " in licence or " OR " in licence else licence

    def one(name: str) -> bool:
        return SPDX.get(name.strip().lower(), name.strip()) in ALLOWED

    return any(all(one(part) for part in option.split(" AND ")) for option in plain.split(" OR "))


def licences(root: Path, of: Callable[[str], str | None] | None = None) -> Step:
    """Every package of ``requirements.lock``: a licence that is not allowed, or that nobody states, is a finding.

    Args:
        root: the project's folder.
        of: gives the licence that a package states, ``None`` for one that is not installed.
    """
    names = sorted({name for name, _ in pinned((root / "requirements.lock").read_text("utf-8"))})
    return judged("licences", left(findings(names, of or _installed), read("licences")), f"{len(names)} packages")


def findings(names: list[str], of: Callable[[str], str | None]) -> list[Finding]:
    """What is wrong with the licences of those packages.

    >>> [str(one) for one in findings(["a", "b"], {"a": "MIT"}.get)]
    ['licence b: not installed here, so it states none']
    """
    found = []
    for name in names:
        stated = of(name)
        if stated is None:
            found.append(Finding("licence", name, "not installed here, so it states none"))
        elif not allowed(stated):
            found.append(Finding("licence", name, f"{stated or 'none stated'} is not on the list"))
    return found


def _installed(name: str) -> str | None:
    try:
        headers = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    return stated_licence(headers)

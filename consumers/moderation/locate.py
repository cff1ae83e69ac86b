"""Where in a TOML text a key stands, for messages that a person can act on."""

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+))\s*=")


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line, from 1, of the key at this path, or else of the closest table above or first one below it.

    Knows tables and arrays of tables as people write policies; of what is written inline it gives the line it is on.

    >>> line_of('id = "x"\\n[[terms]]\\nrule = "a"\\n[[terms]]\\nrule = "b"', ("terms", 1, "rule"))
    5
    """
    best: tuple[int, int] | None = None
    below: int | None = None
    table: tuple[str | int, ...] = ()
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if (header := _HEADER.match(line)) is not None:
            name = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            if header[1] == "[[":
                seen[header[2]] = seen.get(header[2], -1) + 1
                table = (*name, seen[header[2]])
            else:
                table = name
            here = table
        elif (key := _KEY.match(line)) is not None:
            here = (*table, key[1] or key[2] or key[3])
        else:
            continue
        if path[: len(here)] == here and (best is None or len(here) > best[0]):
            best = (len(here), number)
        elif below is None and here[: len(path)] == path:
            below = number
    return best[1] if best is not None else below

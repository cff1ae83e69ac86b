"""Texts as people wrote them, by how long they are, from a folder of public data. Each text stands there once."""

import gzip
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

_decode = msgspec.json.Decoder(dict[str, object]).decode


class Source(Struct, frozen=True):
    """Where the texts of one kind come from.

    Args:
        name: what people call them.
        files: below the data folder.
        least, most: characters of a text.
    """

    name: str
    files: tuple[str, ...]
    least: int
    most: int


_NEWS, _FORUM = "labelled/civil_toxic_spans/data.jsonl.gz", "labelled/misogyny_reddit/data.jsonl.gz"
SOURCES = (
    Source("IRC chat", ("streams/ubuntu_irc_chat/events.jsonl.gz",), 1, 150),
    Source("Reddit comments", ("streams/reddit_goemotions/events.jsonl.gz",), 1, 1000),
    Source("comments on news", (_NEWS,), 60, 330),
    Source("long comments", (_NEWS, _FORUM), 380, 2000),
)


def read_corpora(data: Path, *, seed: int = 5) -> dict[str, list[str]]:
    """The distinct texts of each source, in an order that chance gave.

    Args:
        data: the folder that holds the sources' files.
        seed: of that order.

    Raises:
        FileNotFoundError: a file is not there.
    """
    found = {}
    for source in SOURCES:
        files = (text for name in source.files for text in _texts(data / name))
        texts = list(dict.fromkeys(text for text in files if source.least <= len(text) <= source.most))
        random.Random(seed).shuffle(texts)
        found[source.name] = texts
    return found


def read_terms(data: Path, count: int) -> list[str]:
    """English words and phrases that people look for, ``count`` of them, from the folder's word lists."""
    with gzip.open(data / "labelled/wordlists/words.tsv.gz", "rt", encoding="utf-8") as file:
        names = next(file).rstrip("\n").split("\t")
        rows = [dict(zip(names, line.rstrip("\n").split("\t"), strict=False)) for line in file]
    words = {row["term"].strip().lower() for row in rows if row["lang"] == "en"}
    plain = sorted(word for word in words if len(word) > 2 and word.replace(" ", "").isalpha() and word.isascii())
    return random.Random(7).sample(plain, count)


def _texts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rb") as file:
        for line in file:
            text = _decode(line).get("text")
            if isinstance(text, str) and text:
                yield text


def in_turns(texts: list[str], size: int) -> Iterable[list[str]]:
    """The texts in parts of ``size``, each text in one part only; what is left over is left out."""
    return (texts[start : start + size] for start in range(0, len(texts) - size + 1, size))

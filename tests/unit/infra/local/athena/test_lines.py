"""Tables of text lines, as the raw archive is one: what a line is, what is read, and what is refused."""

import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.lines import Pieces
from tests.fakes.query_ports import SESSIONS, FakeCatalog, FakeObjects

NOW = 1_704_888_000.0
SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
PROJECTED = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2024-01-01,NOW+2DAYS",
    "storage.location.template": "s3://lake/archive/dt=${dt}/",
}


def text_table(columns: tuple[str, ...] = ("line",), **parameters: str) -> dict[str, Any]:
    return {
        "Name": "archive",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": PROJECTED,
        "PartitionKeys": [{"Name": "dt", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": "string"} for name in columns],
            "Location": "s3://lake/archive/",
            "SerdeInfo": {"SerializationLibrary": SERDE, "Parameters": {"serialization.format": "1", **parameters}},
        },
    }


class Lines:
    """An engine over a text table."""

    def __init__(
        self,
        table: dict[str, Any] | None = None,
        *,
        longest: int | None = None,
        threads: int = 2,
        pieces: Pieces | None = None,
    ) -> None:
        self.objects = FakeObjects(longest=longest)
        catalog = FakeCatalog()
        catalog.create_table("default", table or text_table())
        self.engine = QueryEngine(
            objects=self.objects, catalog=catalog, threads=threads, pieces=pieces, sessions=SESSIONS
        )
        self.scanned = 0

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        running = Running()
        query = self.engine.translate(sql, database="default", now=NOW)
        rows = [row for batch in self.engine.rows(query, running, now=NOW) for row in batch]
        self.scanned = running.meter.total
        return rows


def test_each_line_is_a_row_with_its_day_and_its_object() -> None:
    lines = Lines()
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", gzip.compress(b'{"a":1}\nsecond\n', mtime=0))
    lines.objects.put("lake", "archive/dt=2024-01-03/b", b"third")

    found = lines.ask("""SELECT line, dt, "$path" FROM archive ORDER BY line DESC""")

    assert found == [
        ('{"a":1}', "2024-01-02", "s3://lake/archive/dt=2024-01-02/a.gz"),
        ("third", "2024-01-03", "s3://lake/archive/dt=2024-01-03/b"),
        ("second", "2024-01-02", "s3://lake/archive/dt=2024-01-02/a.gz"),
    ]


def test_a_condition_on_the_day_reaches_the_objects_and_packed_bytes_are_counted() -> None:
    lines = Lines()
    body = gzip.compress(b"line\n" * 1000, mtime=0)
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", body)
    lines.objects.put("lake", "archive/dt=2024-01-03/b.gz", gzip.compress(b"other\n", mtime=0))

    assert lines.ask("SELECT count(*) FROM archive WHERE dt = '2024-01-02'") == [(1000,)]

    assert lines.scanned == len(body)


def test_a_table_read_twice_in_one_query_has_all_its_lines_both_times() -> None:
    lines = Lines()
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", gzip.compress(b"a\nb\n", mtime=0))

    twice = "WITH w AS (SELECT line FROM archive) SELECT count(*) FROM w x JOIN w y ON x.line = y.line"
    assert lines.ask(twice) == [(2,)]


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\r\nb\rc\n", ["a", "b", "c"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"\\N\n\\n\n", [None, "\\n"]),
        (b"kept\x01dropped\n", ["kept"]),
        (b"\xff\xfe ok\n", ["\ufffd\ufffd ok"]),
        (b"quoted \"not\" split, at, commas\n", ['quoted "not" split, at, commas']),
    ],
)  # fmt: skip
def test_lines_are_cut_as_hive_cuts_them(body: bytes, rows: list[str | None]) -> None:
    lines = Lines()
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", gzip.compress(body, mtime=0))

    assert [row[0] for row in lines.ask("SELECT line FROM archive")] == rows


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\x01", codec="utf-8"), max_size=30), max_size=20))
def test_a_file_of_several_gzip_members_gives_every_line(texts: list[str]) -> None:
    lines = Lines()
    body = b"".join(gzip.compress(f"{text}\n".encode()) for text in texts) or gzip.compress(b"", mtime=0)
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", body)

    found = [row[0] for row in lines.ask("SELECT line FROM archive")]

    assert found == [None if text == "\\N" else text for text in texts]


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(b"cut off\n" * 100, mtime=0)[:-12]])
def test_an_object_that_is_no_whole_gzip_fails_with_its_name(body: bytes) -> None:
    lines = Lines()
    lines.objects.put("lake", "archive/dt=2024-01-02/broken.gz", body)

    with pytest.raises(QueryError, match=r"HIVE_CURSOR_ERROR.*dt=2024-01-02/broken\.gz"):
        lines.ask("SELECT line FROM archive")


def test_a_text_table_with_escapes_is_refused_by_name() -> None:
    lines = Lines(text_table(("line",), **{"escape.delim": "\\"}))
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", gzip.compress(b"a\n", mtime=0))

    with pytest.raises(QueryError, match=r"escape\.delim"):
        lines.ask("SELECT line FROM archive")


def test_a_codec_that_is_not_read_is_refused_by_name() -> None:
    lines = Lines()
    lines.objects.put("lake", "archive/dt=2024-01-02/a.zst", b"whatever")

    with pytest.raises(QueryError, match=r"a\.zst"):
        lines.ask("SELECT line FROM archive")


def numbered(count: int, width: int, end: bytes = b"\n") -> bytes:
    """Lines that say their number, each ``width`` bytes long with its end."""
    return b"".join(str(number).rjust(width - len(end), "0").encode() + end for number in range(count))


# A sixteenth of what is held at once otherwise: the borders are nearer, and there are as many of them.
PIECES = Pieces(read_bytes=1 << 16, batch_rows=625, batch_bytes=1 << 19)
READ, ROWS, BYTES = PIECES.read_bytes, PIECES.batch_rows, PIECES.batch_bytes

# Line ends fall on, before and after each border of what is read and batched at once.
SIZES = [
    (1, READ - 1), (1, READ), (1, READ + 1), (1, 3 * READ + 5),
    (READ // 64 - 1, 64), (READ // 64, 64), (READ // 64 + 1, 64), (12_500, 21),
    (ROWS - 1, 8), (ROWS, 8), (ROWS + 1, 8), (9, BYTES // 8), (3, BYTES + 1),
]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("count", "width"), SIZES)
def test_objects_of_every_size_are_read_whole_by_several_threads(count: int, width: int, packed: bool) -> None:
    lines = Lines(threads=4, pieces=PIECES)
    objects = 3
    for number in range(objects):
        body = numbered(count, width, b"\r\n" if number == 1 else b"\n")
        name = f"archive/dt=2024-01-0{2 + number}/a"
        lines.objects.put("lake", f"{name}.gz" if packed else name, gzip.compress(body, 1, mtime=0) if packed else body)

    found = lines.ask(
        "SELECT dt, count(*), count(DISTINCT line), min(line), max(line), sum(length(line)) FROM archive GROUP BY dt"
    )

    for row in sorted(found):
        wide = width - (2 if row[0] == "2024-01-03" else 1)
        first, last = "0" * wide, str(count - 1).rjust(wide, "0")
        assert row[1:] == (count, count, first, last, count * wide)
    assert len(found) == objects


@pytest.mark.parametrize("packed", [False, True])
def test_the_same_table_gives_the_same_number_each_time(packed: bool) -> None:
    lines = Lines(threads=4, pieces=PIECES)
    body = numbered(10_000, 21)
    for day in range(2, 5):
        name = f"archive/dt=2024-01-0{day}/a"
        lines.objects.put("lake", f"{name}.gz" if packed else name, gzip.compress(body, 1, mtime=0) if packed else body)

    counts = [lines.ask("SELECT count(*), count(DISTINCT line), max(line) FROM archive") for _ in range(5)]

    assert counts == [[(30_000, 10_000, "9999".rjust(20, "0"))]] * 5


@pytest.mark.parametrize("packed", [False, True])
def test_a_store_that_gives_less_than_it_is_asked_for_changes_nothing(packed: bool) -> None:
    lines = Lines(longest=1_007, pieces=PIECES)
    body = numbered(3_000, 50)
    name = "archive/dt=2024-01-02/a"
    lines.objects.put("lake", f"{name}.gz" if packed else name, gzip.compress(body, 1, mtime=0) if packed else body)

    assert lines.ask("SELECT count(*), count(DISTINCT line) FROM archive") == [(3_000, 3_000)]


def test_a_few_packed_bytes_that_are_many_are_unpacked_in_pieces() -> None:
    lines = Lines(pieces=PIECES)
    lines.objects.put("lake", "archive/dt=2024-01-02/a.gz", gzip.compress((b"0" * 99 + b"\n") * 40_000, 9))

    assert lines.ask("SELECT count(*), sum(length(line)) FROM archive") == [(40_000, 3_960_000)]

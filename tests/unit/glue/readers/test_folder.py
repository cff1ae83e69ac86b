"""Several files as one source: a folder's and a prefix's, in order, each with ids of its own."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws

from glue.readers.folder import Folder
from glue.readers.formats import Reading
from glue.readers.rows import SourceError
from glue.readers.sources import Parts, Source
from producers.aws.prefix import BucketPrefix
from producers.mapping.datasets import Dataset, RejectedRow
from producers.mapping.fields import Mapping
from producers.ports import OutRecord

NOW = 1_772_362_800.0


def row(name: str) -> bytes:
    return b'{"text":"%s","author_id":"ann"}\n' % name.encode()


def parquet(name: str) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": [name], "author_id": ["ann"]}), buffer)
    return buffer.getvalue()


FILES = {
    "b.jsonl": row("b1") + row("b2") + b"broken\n",
    "a.jsonl.gz": gzip.compress(row("a")),
    "deep/er/c.csv": b"text,author_id\nc,ann\n",
    "d.parquet": parquet("d"),
    "notes.txt": b"no rows",
    ".hidden.jsonl": row("hidden"),
    ".git/x.jsonl": row("hidden"),
}


def made(source: Parts, *, name: str = "") -> tuple[list[dict[str, Any]], list[RejectedRow]]:
    items = list(Dataset(source, Mapping(source=name), now=NOW))
    events = [msgspec.json.decode(item.data) for item in items if isinstance(item, OutRecord)]
    return events, [item for item in items if isinstance(item, RejectedRow)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "data"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="given")
        for name, content in FILES.items():
            client.put_object(Bucket="given", Key=f"2026/{name}", Body=content)
        client.put_object(Bucket="given", Key="2026/marker/", Body=b"")
        client.put_object(Bucket="given", Key="20261/other.jsonl", Body=row("other"))
        yield client


def test_every_file_that_says_what_it_holds_is_read_in_order(folder: Path) -> None:
    source = Folder(str(folder))
    assert source.files == ["a.jsonl.gz", "b.jsonl", "d.parquet", "deep/er/c.csv"]
    events, rejected = made(source)
    assert [event["text"] for event in events] == ["a", "b1", "b2", "d", "c"]
    assert source.left_out == 1
    assert [(one.part, one.line, one.reason) for one in rejected] == [("b.jsonl", 3, "json")]


def test_a_file_has_the_same_ids_alone_in_its_folder_and_in_a_bucket(folder: Path, s3: Any) -> None:
    alone, _ = made(Source(str(folder / "b.jsonl")), name="b.jsonl")
    together, _ = made(Folder(str(folder)))
    stored, rejected = made(BucketPrefix("s3://given/2026/", client=s3))
    assert [event["event_id"] for event in alone] == [event["event_id"] for event in together[1:3]]
    assert stored == together
    assert [(one.part, one.line) for one in rejected] == [("b.jsonl", 3)]
    named, _ = made(Folder(str(folder)), name="mine")
    assert not {event["event_id"] for event in named} & {event["event_id"] for event in together}


def test_a_pattern_chooses_by_path_or_by_name(folder: Path) -> None:
    assert Folder(str(folder), pattern="*.jsonl*").files == ["a.jsonl.gz", "b.jsonl"]
    assert Folder(str(folder), pattern="deep/*").files == ["deep/er/c.csv"]
    assert Folder(str(folder), pattern="c.csv").files == ["deep/er/c.csv"]
    assert Folder(str(folder), pattern="*.txt", reading=Reading(form="chat")).files == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pattern": "*.txt"}, "notes.txt match '\\*.txt', and the names do not say what they hold; say --format"),
        ({"pattern": "*.nothing"}, "no file matches '\\*.nothing'; there is a.jsonl.gz, b.jsonl, d.parquet and 2 more"),
    ],
)
def test_a_pattern_that_takes_in_nothing_or_too_much_is_refused(
    folder: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        Folder(str(folder), **options)


def test_what_an_earlier_run_rejected_is_no_content(folder: Path) -> None:
    (folder / "b.jsonl.rejects.jsonl").write_bytes(b'{"line":3}\n')
    (folder / "b.jsonl.rejects-2.jsonl").write_bytes(b'{"line":3}\n')
    assert Folder(str(folder)).files == ["a.jsonl.gz", "b.jsonl", "d.parquet", "deep/er/c.csv"]
    assert Folder(str(folder), pattern="*.rejects.jsonl").files == ["b.jsonl.rejects.jsonl"]


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file has a name that says what it holds"):
        Folder(str(tmp_path))
    with pytest.raises(SourceError, match="no such folder"):
        Folder(str(tmp_path / "gone"))


def test_times_shift_over_all_files_together(tmp_path: Path) -> None:
    for name, day in (("a", "2004-01-01"), ("b", "2004-01-03")):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"text":"x","author_id":"u","created_at":"{day}T00:00:00Z"}}\n')
    data = Dataset(Folder(str(tmp_path)), Mapping(source=""), now=NOW, shift_time=True)
    times = [msgspec.json.decode(item.data)["created_at"] for item in data if isinstance(item, OutRecord)]
    assert times == ["2026-02-27T11:00:00.000000Z", "2026-03-01T11:00:00.000000Z"]


def test_a_file_that_breaks_off_is_named(folder: Path) -> None:
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(row("a") * 50)[:-12])
    with pytest.raises(SourceError, match=r"^a\.jsonl\.gz: the gzip data is cut off"):
        made(Folder(str(folder)))


def test_a_prefix_is_the_beginning_of_a_key_and_one_whole_key_means_that_object(s3: Any) -> None:
    assert BucketPrefix("s3://given/2026", client=s3).files == [
        *("2026/a.jsonl.gz", "2026/b.jsonl", "2026/d.parquet", "2026/deep/er/c.csv", "20261/other.jsonl")
    ]
    assert BucketPrefix("s3://given/2026/b.jsonl", client=s3).files == ["b.jsonl"]
    assert BucketPrefix("s3://given/2026/", pattern="*.csv", client=s3).files == ["deep/er/c.csv"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://given/nothing/", "no object there"),
        ("s3://absent/", "NoSuchBucket"),
        ("s3:///x", "allowed: s3://BUCKET/PREFIX"),
        ("s3://given/2026/notes.txt", "does not say what it holds"),
    ],
)
def test_what_is_not_there_is_one_line(s3: Any, url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        made(BucketPrefix(url, client=s3))


def test_an_object_that_changes_while_it_is_read_breaks_off(s3: Any) -> None:
    source = BucketPrefix("s3://given/2026/", client=s3)
    s3.put_object(Bucket="given", Key="2026/b.jsonl", Body=row("changed"))
    with pytest.raises(SourceError, match="changed while it was read"):
        made(source)


class Flaky:
    """S3 whose connections break after some bytes, a few times."""

    def __init__(self, client: Any, breaks: int, after: int) -> None:
        self._client = client
        self.breaks = breaks
        self._after = after
        self.ranges: list[str] = []

    def get_paginator(self, name: str) -> Any:
        return self._client.get_paginator(name)

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.ranges.append(request.get("Range", ""))
        body = self._client.get_object(**request)["Body"].read()
        return {"Body": self._Body(self, body)}

    class _Body:
        def __init__(self, flaky: "Flaky", body: bytes) -> None:
            self._flaky, self._body = flaky, body

        def iter_chunks(self, size: int) -> Iterator[bytes]:
            if self._flaky.breaks > 0:
                self._flaky.breaks -= 1
                if self._flaky._after:
                    yield self._body[: self._flaky._after]
                raise ReadTimeoutError(endpoint_url="s3")
            yield self._body


def test_a_connection_that_breaks_is_taken_up_where_it_broke(s3: Any) -> None:
    flaky = Flaky(s3, breaks=8, after=5)
    events, _ = made(BucketPrefix("s3://given/2026/b.jsonl", client=flaky))
    assert [event["text"] for event in events] == ["b1", "b2"]
    assert flaky.ranges == ["", *(f"bytes={5 * number}-" for number in range(1, 9))]


def test_a_connection_that_never_gets_on_ends_with_the_place(s3: Any) -> None:
    with pytest.raises(SourceError, match="ReadTimeoutError after 0 bytes; run it again"):
        made(BucketPrefix("s3://given/2026/b.jsonl", client=Flaky(s3, breaks=100, after=0)))

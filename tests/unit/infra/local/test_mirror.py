"""Objects outlive the twin as files, whatever their keys are called."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.mirror import Mirror
from infra.local.moto_backend import Beneath
from infra.local.stores import S3Store

KEYS = [
    "verdicts/dt=2026-01-01/a.parquet",
    "../../etc/passwd",
    "a//b",
    "dir/",
    ".",
    "ü/☃?#&",
    "x" * 900,
    "plain",
    "plain/too",
    "a b",
]


@pytest.fixture
def beneath() -> Iterator[Beneath]:
    moto = Beneath()
    moto.reset()
    moto.backend("s3").create_bucket("lake", "us-east-1")
    yield moto
    moto.reset()


def test_what_was_saved_comes_back_and_stays_inside_the_folder(beneath: Beneath, tmp_path: Path) -> None:
    store = S3Store(beneath)
    for number, key in enumerate(KEYS):
        store.put("lake", key, f"body {number}".encode(), content_type="text/plain", content_encoding="gzip")
    folder = tmp_path / "inner"
    assert Mirror(folder, beneath).save() == len(KEYS)
    assert (folder / "s3/lake/verdicts/dt=2026-01-01/a.parquet").read_bytes() == b"body 0"
    assert list(tmp_path.iterdir()) == [folder]

    beneath.reset()
    beneath.backend("s3").create_bucket("lake", "us-east-1")
    again = S3Store(beneath)
    assert Mirror(folder, beneath).load() == len(KEYS)
    assert {info.key: again.get("lake", info.key) for info in again.list("lake")} == {
        key: f"body {number}".encode() for number, key in enumerate(KEYS)
    }
    assert beneath.backend("s3").buckets["lake"].keys["plain"].metadata["Content-Encoding"] == "gzip"


def test_only_changes_are_written_and_what_was_deleted_goes(beneath: Beneath, tmp_path: Path) -> None:
    store, mirror = S3Store(beneath), Mirror(tmp_path, beneath)
    store.put("lake", "kept", b"1")
    store.put("lake", "gone", b"2")
    assert mirror.save() == 2
    assert mirror.save() == 0
    store.delete("lake", "gone")
    store.put("lake", "kept", b"3")
    assert mirror.save() == 2
    assert (tmp_path / "s3/lake/kept").read_bytes() == b"3"
    assert not (tmp_path / "s3/lake/gone").exists()


def test_objects_of_a_bucket_that_is_not_there_stay_on_disk(beneath: Beneath, tmp_path: Path) -> None:
    S3Store(beneath).put("lake", "kept", b"1")
    Mirror(tmp_path, beneath).save()
    beneath.reset()
    later = Mirror(tmp_path, beneath)
    later.load()
    assert later.save() == 0
    assert (tmp_path / "s3/lake/kept").read_bytes() == b"1"


def test_an_index_that_cannot_be_read_is_named(beneath: Beneath, tmp_path: Path) -> None:
    (tmp_path / "objects.json").write_text("{")
    with pytest.raises(ValueError, match=r"objects\.json is not an index of objects"):
        Mirror(tmp_path, beneath).load()

"""Objects outlive the runtime as files, whatever their keys are called, and whenever it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.durable.objects import KeptObject, KeptObjects
from infra.local.durable.store import Store
from infra.local.moto_backend import MotoBackend
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
    "deep/er",
    "deep",
    "a b",
]


class Run:
    """One run of a runtime over a folder, as far as objects go."""

    def __init__(self, folder: Path) -> None:
        self.moto = MotoBackend()
        self.moto.reset()
        self.moto.backend("s3").create_bucket("lake", "us-east-1")
        self.store = Store(folder)
        self.problems = KeptObjects(self.store, self.moto).load()
        self.s3 = S3Store(self.moto)

    def bodies(self) -> dict[str, bytes]:
        return {info.key: self.s3.get("lake", info.key) for info in self.s3.list("lake")}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[], Run]]:
    runs: list[Run] = []

    def start() -> Run:
        end()
        runs.append(Run(tmp_path))
        return runs[-1]

    def end() -> None:
        # No farewell: what nobody has waited for is not written.
        for old in runs:
            old.moto.unwatch()

    yield start
    end()
    for old in runs:
        old.store.close()
        old.moto.reset()


def test_what_was_stored_comes_back_and_stays_inside_the_folder(run: Callable[[], Run], tmp_path: Path) -> None:
    first = run()
    for number, key in enumerate(KEYS):
        first.s3.put("lake", key, f"body {number}".encode(), content_type="text/plain", content_encoding="gzip")
    first.store.settle()
    assert (tmp_path / "s3/lake/verdicts/dt=2026-01-01/a.parquet").read_bytes() == b"body 0"
    assert not list((tmp_path / "incoming").iterdir())

    again = run()
    assert again.problems == []
    assert again.bodies() == {key: f"body {number}".encode() for number, key in enumerate(KEYS)}


def test_an_object_whose_key_is_another_with_an_ending_is_never_touched(run: Callable[[], Run]) -> None:
    first = run()
    for key, body in (("p", b"1"), ("p.part", b"2"), ("p.new", b"3"), ("p.tmp", b"4"), ("p", b"5")):
        first.s3.put("lake", key, body)
    first.store.settle()
    assert run().bodies() == {"p": b"5", "p.part": b"2", "p.new": b"3", "p.tmp": b"4"}


def test_a_kill_between_index_and_place_leaves_the_new_object(run: Callable[[], Run], tmp_path: Path) -> None:
    first = run()
    first.s3.put("lake", "p", b"old")
    first.store.settle()
    first.s3.put("lake", "p", b"new")
    first.store._pending[-1].after = None  # killed here: the index is written, the file not yet moved
    first.store.settle()
    assert (tmp_path / "s3/lake/p").read_bytes() == b"old"

    again = run()
    assert (again.problems, again.bodies()) == ([], {"p": b"new"})
    assert (tmp_path / "s3/lake/p").read_bytes() == b"new"


def test_a_kill_before_the_index_leaves_the_old_object_and_no_rest(run: Callable[[], Run], tmp_path: Path) -> None:
    first = run()
    first.s3.put("lake", "p", b"old")
    first.store.settle()
    first.s3.put("lake", "p", b"new")
    before = first.store._pending[-1].before
    assert before is not None
    before()
    assert len(list((tmp_path / "incoming").iterdir())) == 1

    assert run().bodies() == {"p": b"old"}
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize(("spoil", "said"), [
    (Path.unlink, "cannot be read"),
    (lambda path: path.write_bytes(b"other"), "is not what was written"),
    (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "a symbolic link is not followed"),
    (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
])  # fmt: skip
def test_a_file_that_is_missing_or_altered_is_named_and_left_out(
    run: Callable[[], Run], tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    first = run()
    first.s3.put("lake", "good", b"good")
    first.s3.put("lake", "bad", b"bad")
    first.store.settle()
    spoil(tmp_path / "s3/lake/bad")

    again = run()
    assert again.bodies() == {"good": b"good"}
    assert len(again.problems) == 1
    assert again.problems[0].startswith("s3://lake/bad: ")
    assert said in again.problems[0]


@pytest.mark.parametrize("file", ["/etc/hostname", "../../etc/hostname", "s3/lake/../../../etc/hostname", "owner"])
def test_an_index_that_names_files_outside_reads_and_deletes_none(
    run: Callable[[], Run], tmp_path: Path, file: str
) -> None:
    (tmp_path / "owner").write_text("not an object")
    first = run()
    kept = KeptObject(file, "x", "", "e", "2026-01-01T00:00:00", "STANDARD", {})
    first.store.add("INSERT INTO objects VALUES (?, ?, ?)", ("lake", "k", msgspec.msgpack.encode(kept)))
    first.store.settle()

    again = run()
    assert again.bodies() == {}
    assert "lies outside the folder" in again.problems[0]
    again.s3.put("lake", "k", b"mine")
    again.s3.delete("lake", "k")
    again.store.settle()
    assert (tmp_path / "owner").read_text() == "not an object"


def test_a_folder_that_is_a_symbolic_link_is_not_written_through(run: Callable[[], Run], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "s3" / "lake").mkdir(parents=True)
    (tmp_path / "s3" / "lake" / "linked").symlink_to(elsewhere)
    first = run()
    first.s3.put("lake", "linked/p", b"body")
    first.store.settle()
    assert not list(elsewhere.iterdir())

    assert run().bodies() == {"linked/p": b"body"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "a/b", "a/b/c", "a.part", "b", "%keys/x"]), st.binary(max_size=3) | st.none())
    )
)
def test_after_any_puts_and_deletes_the_objects_are_those_that_were_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bytes | None]]
) -> None:
    folder = tmp_path_factory.mktemp("objects")
    first = Run(folder)
    for key, body in steps:
        if body is None:
            first.s3.delete("lake", key)
        else:
            first.s3.put("lake", key, body)
    first.store.settle()
    wanted = first.bodies()
    first.moto.unwatch()
    again = Run(folder)
    assert (again.problems, again.bodies()) == ([], wanted)
    for each in (first, again):
        each.moto.unwatch()
        each.store.close()
        each.moto.reset()

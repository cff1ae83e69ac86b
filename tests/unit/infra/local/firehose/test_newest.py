"""The newest records of a delivery stream, to be looked at."""

from hypothesis import given
from hypothesis import strategies as st

from infra.local.firehose.newest import Newest


@given(
    batches=st.lists(st.lists(st.binary(max_size=9), max_size=6), max_size=8),
    most=st.integers(1, 9),
    size=st.integers(1, 40),
    after=st.integers(0, 60),
)
def test_what_is_kept_is_the_end_of_what_came_in_within_both_bounds(
    batches: list[list[bytes]], most: int, size: int, after: int
) -> None:
    newest = Newest(records=most, size=size)
    for batch in batches:
        newest.add(batch)
    everything = list(enumerate([record for batch in batches for record in batch], 1))
    kept = list(newest.after(0))
    assert kept == everything[len(everything) - len(kept) :]
    assert len(kept) <= most
    assert len(kept) == 1 or sum(len(record) for _, record in kept) <= size
    assert bool(kept) == bool(everything)
    assert newest.after(after) == [(number, record) for number, record in kept if number > after]

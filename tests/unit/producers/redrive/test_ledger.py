"""Who may bring a thing back, and under which run: what the ledger says at each turn."""

import threading

import pytest

from producers.redrive.ledger import CLAIM_SECONDS, Claim, Ledger
from producers.replay.runs import Holder
from tests.fakes.documents import MemoryStore

NAME, NOW = "quarantine/1", 1_000.0


def ledger(store: MemoryStore, pid: int, *, alive: bool | None = None) -> Ledger:
    return Ledger(store, holder=Holder("here", pid), is_alive=lambda other: alive)


def claimed(of: Ledger, run_id: str, now: float = NOW) -> Claim:
    claim = of.claim(NAME, run_id, now=now)
    assert claim is not None
    return claim


def test_a_first_claim_is_written_down_with_who_has_it_and_until_when() -> None:
    store = MemoryStore()
    one = ledger(store, 1)
    assert one.look(NAME) is None
    claim = claimed(one, "first")
    assert (claim.name, claim.run_id, claim.was_claimed) == (NAME, "first", False)
    entry = one.look(NAME)
    assert entry is not None
    assert (entry.state, entry.run_id, entry.at, entry.events) == ("claimed", "first", NOW, 0)
    assert (entry.holder, entry.held_until) == (Holder("here", 1), NOW + 300)


@pytest.mark.parametrize(
    ("alive", "later", "is_taken_over"),
    [
        (None, CLAIM_SECONDS - 1, False),
        (None, CLAIM_SECONDS, True),
        (True, CLAIM_SECONDS - 1, False),
        (True, CLAIM_SECONDS, True),
        (False, 0.0, True),
    ],
)
def test_a_claim_counts_until_its_time_is_over_or_its_holder_is_known_to_be_dead(
    alive: bool | None, later: float, is_taken_over: bool
) -> None:
    store = MemoryStore()
    claimed(ledger(store, 1), "first")
    claim = ledger(store, 2, alive=alive).claim(NAME, "second", now=NOW + later)
    assert (claim is not None) is is_taken_over
    if claim is not None:
        # Some of it may have been sent under the first run.
        assert (claim.run_id, claim.was_claimed) == ("first", True)


def test_whoever_lost_a_claim_to_another_can_neither_close_it_nor_give_it_back() -> None:
    store = MemoryStore()
    slow, quick = ledger(store, 1), ledger(store, 2)
    lost = claimed(slow, "first")
    taken = claimed(quick, "second", NOW + CLAIM_SECONDS)
    assert not slow.close(lost, events=3, now=NOW + 400)
    assert not slow.give_back(lost, now=NOW + 400)
    entry = slow.look(NAME)
    assert entry is not None
    assert (entry.state, entry.holder) == ("claimed", Holder("here", 2))
    assert quick.close(taken, events=3, now=NOW + 401)


def test_what_is_closed_stays_closed_and_says_how_much_was_sent_by_which_run_and_when() -> None:
    store = MemoryStore()
    one = ledger(store, 1)
    assert one.close(claimed(one, "first"), events=3, now=NOW + 1)
    entry = one.look(NAME)
    assert entry is not None
    assert (entry.state, entry.run_id, entry.events, entry.at) == ("redriven", "first", 3, NOW + 1)
    assert (entry.holder, entry.held_until) == (None, 0.0)
    assert one.claim(NAME, "second", now=NOW + 10 * CLAIM_SECONDS) is None


def test_what_was_given_back_unsent_is_free_for_any_run_and_what_was_sent_in_part_for_its_own_alone() -> None:
    for events, run_id in ((0, "second"), (2, "first")):
        store = MemoryStore()
        one = ledger(store, 1)
        assert one.give_back(claimed(one, "first"), now=NOW + 1, events=events)
        entry = one.look(NAME)
        assert entry is not None
        assert (entry.state, entry.events, entry.at) == ("free", events, NOW + 1)
        claim = claimed(ledger(store, 2), "second", NOW + 2)
        assert (claim.run_id, claim.was_claimed) == (run_id, events > 0)


def test_what_was_redriven_is_never_claimed_again() -> None:
    store = MemoryStore()
    claim = ledger(store, 1).claim("a", "one", now=NOW)
    assert claim is not None
    assert ledger(store, 1).claim("a", "two", now=NOW + 1) is None
    assert ledger(store, 1).close(claim, events=1, now=NOW + 2)
    assert ledger(store, 1).claim("a", "two", now=NOW + 1e9) is None
    entry = ledger(store, 1).look("a")
    assert entry is not None
    assert (entry.state, entry.run_id, entry.events) == ("redriven", "one", 1)


def test_a_claim_that_was_given_back_is_free_and_one_that_was_left_is_taken_over_under_its_first_run() -> None:
    store = MemoryStore()
    given = ledger(store, 1).claim("a", "one", now=NOW)
    assert given is not None
    assert ledger(store, 1).give_back(given, now=NOW)
    left = ledger(store, 1).claim("a", "two", now=NOW)
    assert left is not None
    assert (left.run_id, left.was_claimed) == ("two", False)
    heir = ledger(store, pid=2).claim("a", "three", now=NOW + CLAIM_SECONDS + 1)
    assert heir is not None
    # What it sent may be there already; under its run it counts once.
    assert (heir.run_id, heir.was_claimed) == ("two", True)
    assert not ledger(store, 1).close(left, events=1, now=NOW)
    assert ledger(store, 1).close(heir, events=1, now=NOW)


def test_of_many_who_claim_at_once_one_has_it() -> None:
    store = MemoryStore()
    won: list[int] = []

    def claim(number: int) -> None:
        if ledger(store, number).claim("a", f"run-{number}", now=NOW) is not None:
            won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1

"""Keys that are changed, and dead letters that are put back: what SQS does not take stays where it was."""

from typing import Any

import pytest

from consumers.webhooks.messages import Delivery, encode_delivery
from consumers.webhooks.subscribers import Key
from infra.operating.webhooks import Letter, Letters, NotWrittenError, free_key_id, with_key, with_newest_key
from tests.fakes.webhook_desk import NEW, OLD, notice, subscriber


def test_a_key_is_changed_in_two_steps_and_never_to_none() -> None:
    one = subscriber("shop", OLD)
    both = with_key(one, NEW)
    assert both.keys == (OLD, NEW)
    assert with_newest_key(both).keys == (NEW,)
    for step in (lambda: with_newest_key(one), lambda: with_key(both, NEW), lambda: with_key(one, OLD)):
        with pytest.raises(NotWrittenError):
            step()


def test_a_key_made_on_the_day_of_another_has_an_id_of_its_own() -> None:
    day = "2026-12-01"
    first = subscriber("shop", Key(free_key_id((), day), OLD.secret))
    second = with_key(first, Key(free_key_id(first.keys, day), NEW.secret))
    assert [key.id for key in second.keys] == [day, f"{day}-2"]
    assert free_key_id(with_newest_key(second).keys, day) == day


class Sqs:
    """Two queues; of each batch that is sent it takes at most so many messages."""

    def __init__(self, bodies: list[str], *, takes: int = 10) -> None:
        self.dead = dict(enumerate(bodies))
        self.hidden: set[int] = set()
        self.sent: list[dict[str, Any]] = []
        self.takes = takes

    def receive_message(self, **given: Any) -> dict[str, Any]:
        some = [at for at in self.dead if at not in self.hidden][:10]
        self.hidden |= set(some)
        reason = {"reason": {"StringValue": "gone"}}
        return {
            "Messages": [{"ReceiptHandle": str(at), "Body": self.dead[at], "MessageAttributes": reason} for at in some]
        }

    def change_message_visibility(self, **given: Any) -> None:
        self.hidden.discard(int(given["ReceiptHandle"]))

    def send_message_batch(self, **given: Any) -> dict[str, Any]:
        taken = given["Entries"][: self.takes]
        self.sent += taken
        return {"Successful": [{"Id": entry["Id"]} for entry in taken]}

    def delete_message(self, **given: Any) -> None:
        del self.dead[int(given["ReceiptHandle"])]


def letters(sqs: Sqs) -> Letters:
    return Letters(sqs, queue_url="https://queue", dead_letter_url="https://letters")


BODIES = [encode_delivery(Delivery("delivery", name, notice(at))) for at in range(12) for name in ("shop", "forum")]


def test_letters_are_counted_and_stay() -> None:
    sqs = Sqs([*BODIES, "garbage"])
    for _ in range(2):
        assert letters(sqs).counted() == {("shop", "gone"): 12, ("forum", "gone"): 12, ("", "gone"): 1}


def test_those_of_one_subscriber_are_put_back_and_the_others_stay() -> None:
    sqs = Sqs(BODIES)
    told: list[int] = []

    def of_shop(letter: Letter) -> bool:
        return letter.subscriber == "shop"

    assert letters(sqs).redrive(of_shop, on_sent=told.append) == 12
    assert sorted(entry["MessageBody"] for entry in sqs.sent) == sorted(BODIES[::2])
    assert {entry["MessageGroupId"] for entry in sqs.sent} == {"shop"}
    assert letters(sqs).counted() == {("forum", "gone"): 12}
    assert told[-1] == 12


def test_what_sqs_does_not_take_stays_a_dead_letter() -> None:
    sqs = Sqs(BODIES, takes=3)
    with pytest.raises(NotWrittenError, match="7 messages were not taken"):
        letters(sqs).redrive(lambda letter: True, on_sent=lambda count: None)
    assert len(sqs.sent) == 3
    assert len(sqs.dead) == len(BODIES) - 3

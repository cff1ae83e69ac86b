"""What lies in the webhook's queue: events of the bus, and the deliveries that are made of them."""

from datetime import datetime
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from glue.codec import parse_timestamp
from glue.contract import Notice, ReceiptRow
from glue.vocabulary import Done, ReceiptState
from glue.webhooks import WEBHOOK_VERSION, VerdictMessage

_TIME_LENGTH = len("2026-01-02 03:04:05.000060")


class BusEvent(Struct, frozen=True):
    """What EventBridge puts into the queue; its other fields are not needed."""

    detail: Notice


class Delivery(Struct, frozen=True):
    """One verdict on its way to one subscriber."""

    kind: Literal["delivery"]
    subscriber: str
    notice: Notice

    @property
    def id(self) -> str:
        """The same for every copy, so that a receiver can leave out what it has had."""
        return sha256(f"{self.notice.verdict_id}\n{self.subscriber}".encode()).hexdigest()[:32]

    def message(self) -> bytes:
        """The body of the request, the same in every try."""
        notice = self.notice
        decided = f"{notice.decided_at.replace(' ', 'T')}Z"
        return msgspec.json.encode(VerdictMessage("content.verdict", WEBHOOK_VERSION, self.id, decided, notice))

    def receipt(
        self,
        state: ReceiptState,
        *,
        receives: int,
        noted_at: str,
        done: Done | None = None,
        reference: str | None = None,
        reason: str | None = None,
    ) -> ReceiptRow:
        """The row that says how far it has come."""
        notice = self.notice
        return ReceiptRow(
            sha256(f"{self.id}\n{state}\n{done}\n{reason}".encode()).hexdigest()[:32],
            self.id,
            notice.verdict_id,
            notice.event_id,
            notice.content_id,
            self.subscriber,
            notice.action,
            notice.created_at,
            notice.decided_at,
            state,
            done,
            reference,
            reason,
            receives,
            noted_at,
        )


def read_body(body: str) -> Notice | Delivery | None:
    """The verdict or the delivery in a message; None when it is neither.

    >>> read_body('{"kind": "delivery"}') is None
    True
    """
    try:
        found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if "kind" in found:
            delivery = msgspec.json.decode(body, type=Delivery)
            return delivery if _is_whole(delivery.notice) else None
        notice = msgspec.json.decode(body, type=BusEvent).detail
        return notice if _is_whole(notice) else None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        return None


def _is_whole(notice: Notice) -> bool:
    """Whether its times are times: they become a partition's name and a time stamp."""
    return all(
        len(time) == _TIME_LENGTH and isinstance(parse_timestamp(f"{time.replace(' ', 'T')}Z"), datetime)
        for time in (notice.created_at, notice.decided_at)
    )


def encode_delivery(delivery: Delivery) -> str:
    """The body of its message."""
    return msgspec.json.encode(delivery).decode()

"""The content API as delivery sees a stream: batches of events, and for each whether it was taken."""

from collections.abc import Iterator, Sequence

import msgspec

from producers.api.client import MAX_CHARACTERS, MAX_EVENTS, results_of
from producers.api.exchange import ApiError, Exchange, RefusedError, UnavailableError
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, StreamRefusedError

_CLOSED = frozenset({401, 403, 404})


class ApiStream:
    """The content API; safe to use from several threads.

    Args:
        url: for messages.
        exchange: sends requests; it sends none again, since delivery does.
    """

    def __init__(self, url: str, exchange: Exchange) -> None:
        self.name = url
        self._exchange = exchange

    def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        """One batch, or several where it is too large for one request; see :class:`producers.ports.Stream`."""
        results: list[PutResult] = []
        for some in _requests(records):
            try:
                results += self._put(some)
            except (CallFailedError, CallRefusedError):
                # What earlier requests took is taken; of the rest nothing is known, and delivery sends it again.
                if not results:
                    raise
                break
        return results

    def _put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        try:
            answer = self._exchange(
                "POST", "/v1/content:batch", {"events": [msgspec.Raw(record.data) for record in records]}
            )
            found = results_of(answer)
        except UnavailableError as error:
            raise CallFailedError(str(error)) from error
        except RefusedError as error:
            if error.status in _CLOSED:
                raise StreamRefusedError(
                    stream=self.name, region="", code=str(error), next_step="Check the URL and the key."
                ) from error
            raise CallRefusedError(str(error)) from error
        except ApiError as error:
            raise StreamRefusedError(
                stream=self.name, region="", code=str(error), next_step="Check the URL."
            ) from error
        refused = [one for one in found if 400 <= one.status < 500 and one.status != 429]
        if len(refused) == len(records):
            raise CallRefusedError(str(refused[0].status))
        # The API names no sequence number: that it says 202 is all there is, and means that the stream has the event.
        return [
            PutResult("202") if one.status == 202 else PutResult(None, error_code=f"status {one.status}")
            for one in found
        ]


def _requests(records: Sequence[OutRecord]) -> Iterator[list[OutRecord]]:
    some: list[OutRecord] = []
    size = 0
    for record in records:
        if some and (len(some) == MAX_EVENTS or size + len(record.data) > MAX_CHARACTERS):
            yield some
            some, size = [], 0
        some.append(record)
        size += len(record.data) + 1
    if some:
        yield some

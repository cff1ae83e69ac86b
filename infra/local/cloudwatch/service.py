"""CloudWatch as the runtime has it: one object that its services emit to, and that its door asks."""

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import uuid4

from infra.local.clock import Clock
from infra.local.cloudwatch.alarms import Alarms, Change
from infra.local.cloudwatch.api import CloudWatchApi
from infra.local.cloudwatch.emf import emitted
from infra.local.cloudwatch.evaluation import ALARM, OK
from infra.local.cloudwatch.meter import ClockedMeter
from infra.local.cloudwatch.metrics import Metrics
from infra.local.cloudwatch.protocol import answer_xml, read_form, refusal_xml
from infra.local.cloudwatch.watch import Watch
from infra.local.errors import ApiError

_logger = logging.getLogger(__name__)
_TARGET = "GraniteServiceVersion20100801"


class CloudWatch:
    """Metrics and alarms of the runtime.

    Args:
        account, region: of every ARN.
        clock: whose minutes.
        publish: sends a text to the topic of an ARN; raises when there is no such topic.
        ahead: seconds that the clock is ahead of the one that functions read.
    """

    def __init__(
        self,
        *,
        account: str,
        region: str,
        clock: Clock,
        publish: Callable[[str, str, str], object],
        ahead: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._ahead = ahead
        self.metrics = Metrics()
        self.alarms = Alarms(account=account, region=region)
        self.meter = ClockedMeter(self.metrics, clock)
        self.gauges: list[Callable[[], None]] = []
        """Called at the end of each minute, to emit what has no event of its own."""
        self.watch = Watch(self.metrics, self.alarms, clock, gauges=self.gauges, tell=self._tell)
        self.api = CloudWatchApi(self.metrics, self.alarms, clock, changed=self._tell)

    def shortcuts(self) -> dict[str, Callable[[dict[str, object]], dict[str, object] | None]]:
        """What answers each call in JSON, by its ``X-Amz-Target``."""
        return {f"{_TARGET}.{action}": answer for action, answer in self.api.actions.items()}

    def form(self, action: str, body: str) -> tuple[int, str] | None:
        """Status and document that answer a call in the older protocol; None for a call that is moto's."""
        if action not in self.api.actions:
            return None
        try:
            return 200, answer_xml(action, self.api.call(action, read_form(action, body)))
        except ApiError as error:
            return error.status, refusal_xml(error, str(uuid4()))

    def lines(self, lines: Sequence[str]) -> None:
        """Takes the metrics in lines of a function's output.

        Functions read the machine's own time; where the runtime's clock shows another, theirs is moved by as much.
        """
        ahead = self._ahead()
        for line in lines:
            for one in emitted(line):
                for value in one.values:
                    self.metrics.add(one.metric, value, at=one.at + ahead, unit=one.unit)

    def alarming(self, names: Collection[str]) -> list[str]:
        """Those of these alarms that are in ALARM."""
        return [one.name for one in self.alarms.all() if one.name in names and one.state == ALARM]

    def not_ok(self) -> list[dict[str, Any]]:
        """The alarms that are not OK."""
        return [
            {
                "name": one.name,
                "description": str(one.given.get("AlarmDescription", "")),
                "state": one.state,
                "reason": one.reason,
                "since": round(one.changed_at, 3),
            }
            for one in self.alarms.all()
            if one.state != OK
        ]

    def _tell(self, change: Change) -> None:
        alarm = self.alarms.get(change.alarm)
        text = alarm.message(change, account=self.alarms.account, region=self.alarms.region)
        for arn in change.actions:
            if ":sns:" not in arn:
                _logger.warning("alarm %s: its action %s is no topic and is left out", change.alarm, arn)
                continue
            try:
                self._publish(arn, f'{change.after}: "{change.alarm}"'[:100], text)
            except Exception as error:
                _logger.error("alarm %s: its topic was not told: %s", change.alarm, type(error).__name__)  # noqa: TRY400

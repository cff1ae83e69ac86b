"""The function that waits: what it asks for, whom it tells, and what it refuses."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from consumers.aws.settings import SettingsError
from consumers.aws.wait_handler import WaitApplication
from consumers.ports import DefectError
from tests.fakes.stream import VirtualClock

NOW = 1_772_323_200.0
FIELDS = ("event_id", "verdict_id", "policy_id", "policy_version", "action")
ITEM = {
    **{name: {"S": name} for name in FIELDS},
    "decided_at": {"S": "2026-03-01 00:00:00.000001"},
    "labels": {"L": [{"S": "spam"}]},
    "expires_at": {"N": str(int(NOW) + 3600)},
}


class Table:
    """Items by their key, each there from a time on."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.items: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self.error = ""

    def get_item(self, TableName: str, Key: Any) -> Any:
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "x"}}, "GetItem")
        since, item = self.items.get(Key["content_id"]["S"], (0.0, None))
        return {"Item": item} if item and self.clock.now() >= since else {}


class Rig:
    def __init__(self, **environment: str) -> None:
        self.clock = VirtualClock(NOW)
        self.table = Table(self.clock)
        given = {"STATUS_TO_READ": "status", "STATUS_OF": "acted", **environment}
        self.application = WaitApplication(given, table=self.table, clock=self.clock)

    def ask(self, content_id: str, wait: str | None = None, tenant: str = "", origin: str = "") -> Any:
        event = {
            "pathParameters": {"id": content_id},
            "queryStringParameters": None if wait is None else {"wait": wait},
            "headers": {"Origin": origin} if origin else None,
            "requestContext": {"authorizer": {"claims": {"custom:tenant": tenant}} if tenant else {}},
        }
        answer = self.application.handle(event, None)
        return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def test_it_waits_for_a_decision_and_tells_it() -> None:
    rig = Rig()
    rig.table.items["c:1"] = (NOW + 5, ITEM)
    status, _, document = rig.ask("c%3A1", "20")
    assert (status, document["action"], document["labels"]) == (200, "action", ["spam"])
    assert (document["content_id"], document["decided_at"]) == ("c:1", "2026-03-01T00:00:00.000001Z")
    assert 5 <= rig.clock.now() - NOW <= 6


def test_without_one_it_says_so_after_the_time_that_was_asked_for() -> None:
    rig = Rig()
    status, headers, document = rig.ask("c", "7")
    assert (status, headers["Retry-After"], document["status"], document["kept_for"]) == (202, "1", "pending", "acted")
    assert rig.clock.now() - NOW == pytest.approx(7)


def test_a_status_whose_time_is_over_is_none() -> None:
    rig = Rig()
    rig.table.items["c"] = (0.0, {**ITEM, "expires_at": {"N": str(int(NOW))}})
    assert rig.ask("c", "0")[0] == 202


@pytest.mark.parametrize("wait", ["26", "-1", "1.5", "x", "", "²"])
def test_a_time_that_is_none_is_refused_by_name(wait: str) -> None:
    status, _, document = Rig().ask("c", wait)
    assert (status, document["errors"][0]["pointer"]) == (400, "/wait")


@pytest.mark.parametrize("content_id", ["", "a b", "a%20b", "x" * 129, "ä", "a/b"])
def test_an_id_that_is_none_is_refused_by_name(content_id: str) -> None:
    status, _, document = Rig().ask(content_id)
    assert (status, document["errors"][0]["pointer"]) == (400, "/id")


def test_a_tenant_hears_of_its_own_content_only() -> None:
    rig = Rig(CALLERS="cognito")
    rig.table.items["acme:c"] = (0.0, ITEM)
    assert rig.ask("c", "0", "acme")[2]["content_id"] == "c"
    assert [rig.ask(asked, "0", "evil")[0] for asked in ("c", "acme:c")] == [202, 202]
    assert [rig.ask("acme:c", "0", tenant)[0] for tenant in ("", "a:b", "x" * 65)] == [403] * 3


def test_only_pages_of_origins_that_are_named_may_read_it() -> None:
    rig = Rig(CORS_ORIGINS="https://a.example,https://b.example")
    assert rig.ask("c", "0", origin="https://b.example")[1]["Access-Control-Allow-Origin"] == "https://b.example"
    assert "Access-Control-Allow-Origin" not in rig.ask("c", "0", origin="https://evil.example")[1]
    assert "Access-Control-Allow-Origin" not in Rig().ask("c", "0", origin="https://b.example")[1]


def test_a_busy_table_is_asked_again_later_and_a_missing_right_is_a_defect() -> None:
    rig = Rig()
    rig.table.error = "ProvisionedThroughputExceededException"
    assert rig.ask("c", "20")[0] == 503
    rig.table.error = "AccessDeniedException"
    with pytest.raises(DefectError):
        rig.ask("c", "20")


def test_a_table_has_to_be_named() -> None:
    with pytest.raises(SettingsError, match="STATUS_TO_READ"):
        WaitApplication({})

"""The client and `produce --api` against the template's content API, on the laptop runtime."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.commands.produce import produce
from infra.local.twin import Twin
from streamkeeper import Accepted, Client, Refused, RefusedError

THREAT = "kill yourself you idiot"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"ContentApiCallers": "api-key"}) as running:
        yield running


@pytest.fixture(scope="module")
def key(twin: Twin) -> str:
    gateway = twin.client("apigateway")
    made = gateway.create_api_key(name="forum", enabled=True)
    plan = twin.outputs["ContentApiPlanId"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    return str(made["value"])


def test_content_is_sent_in_and_its_decision_is_heard_of(twin: Twin, key: str) -> None:
    client = Client(twin.outputs["ContentApiUrl"], key=key)
    event = {"content_id": "c1", "author_id": "a", "surface": "chat", "text": THREAT, "hold": True}
    accepted = client.submit(event)
    found = client.wait("c1", seconds=120)
    assert (found.event_id, found.action != "allow") == (accepted.event_id, True)
    with pytest.raises(RefusedError) as error:
        client.submit({**event, "content_id": "c 1"})
    assert [one.pointer for one in error.value.problems] == ["#/content_id"]
    many = [{"content_id": f"d{number}", "author_id": "a", "surface": "chat", "text": "hi"} for number in range(510)]
    answers = client.submit_many([*many, {"content_id": "e", "author_id": "a", "surface": "chat"}])
    assert [type(one) for one in answers] == [Accepted] * 510 + [Refused]
    with pytest.raises(RefusedError, match="403"):
        Client(twin.outputs["ContentApiUrl"], key="unknown").status("c1")


def test_produce_gives_the_same_account_by_http(
    twin: Twin, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"text": f"row {number}", "author_id": "a", "surface": "forum"} for number in range(40)]
    Path("posts.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "{broken\n")
    asked = ("--from", "posts.jsonl", "--api", twin.outputs["ContentApiUrl"], "--json")
    result = CliRunner().invoke(produce, [*asked, "--api-key", key])
    account = json.loads(result.stdout)
    assert (account["read"], account["accepted"], account["rejected"], account["failed"]) == (41, 40, 1, 0)
    refused = CliRunner().invoke(produce, [*asked, "--api-key", "unknown"])
    account = json.loads(refused.stdout)
    assert refused.exit_code != 0
    assert (account["accepted"], account["failed"]) == (0, 40)
    assert "Check the URL and the key" in account["stopped"]

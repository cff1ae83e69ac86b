"""Needed is granted: a whole run under enforced rights uses every right of the template that the runtime can use.

What is granted and was not used is listed with its reason; whatever else nobody used fails, and so does any refusal.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from consumers.scoring.keys import hashed
from infra.cli import streamkeeper
from infra.local.twin import Twin
from infra.rights.patterns import matches
from producers.synthetic.content import Shares, synthetic
from streamkeeper import Client
from tests.fakes.handlers import publish
from tests.fakes.until import until
from tests.house.people_rules import PEOPLE
from tests.house.template_rules import listed

pytestmark = pytest.mark.heavy

ACCOUNT = "000000000000"
SCORE_KEY = "a-key-of-who-asks-for-scores"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
AT_CREATION = "AWS asks for it when a delivery stream or a mapping is made; the runtime does not"
IN_PARTS = "large objects are written in parts on AWS"
FAILING = "used when something fails, which this run does not"
BY_ATHENA = "Athena does it with the asker's rights; it does not come in as a call here"
OPTION = "for an option of the command, or Ctrl-C"
# Role, action and resource, with wildcards. Sources: those of tests/house/rights_rules.py and people_rules.py.
DEPLOYING = "for a deployment; tests/rollback has them, with these rights"
NOT_USED: Mapping[tuple[str, str, str], str] = {
    ("*Role", "s3:AbortMultipartUpload", "*"): IN_PARTS,
    ("*Role", "s3:List*Multipart*", "*"): IN_PARTS,
    ("*Role", "s3:GetBucketLocation", "*"): AT_CREATION,
    ("*DeliveryRole", "s3:ListBucket", "*"): AT_CREATION,
    ("*DeliveryRole", "glue:GetTableVersion*", "*"): AT_CREATION,
    ("*Role", "kinesis:DescribeStream*", "*"): AT_CREATION,
    ("ModerateRole", "kinesis:ListStreams", "*"): AT_CREATION,
    ("ArchiveRole", "kinesis:ListStreams", "*"): AT_CREATION,
    ("DeferredDeliveryRole", "lambda:GetFunctionConfiguration", "*"): AT_CREATION,
    ("DeferredDeliveryRole", "lambda:InvokeFunction", "*-transform:*"): "Firehose calls a version, which has a number",
    ("ModerateRole", "s3:ListBucket", "*"): AT_CREATION,
    ("ArchiveRole", "s3:ListBucket", "*"): AT_CREATION,
    ("ModerateRole", "s3:PutObject", "*/aws/lambda/*"): FAILING,
    ("ArchiveRole", "s3:PutObject", "*/aws/lambda/*"): FAILING,
    ("ModerateRole", "kms:GenerateDataKey", "* through s3"): FAILING,
    ("*DeliveryRole", "s3:PutObject", "*/errors/*"): FAILING,
    ("*DeliveryRole", "logs:PutLogEvents", "*"): FAILING,
    ("TransformRole", "s3:*Version*", "*"): "for a policy in the bucket that is broken when the function starts",
    ("TransformRole", "dynamodb:UpdateItem", "*"): "for statuses that are there already, which depends on the content",
    ("*Role", "glue:Get*", "*"): BY_ATHENA,
    ("AnalystRole", "s3:*", "*"): BY_ATHENA,
    ("AnalystRole", "kms:*", "* through s3"): BY_ATHENA,
    ("OperatorRole", "s3:*", "*result*"): BY_ATHENA,
    ("*Role", "athena:StopQueryExecution", "*"): OPTION,
    ("OperatorRole", "logs:FilterLogEvents", "*-transform:*"): OPTION,
    ("OperatorRole", "lambda:GetFunctionConfiguration", "*-transform"): OPTION,
    ("GateRole", "*", "*"): DEPLOYING,
    ("DeployRole", "*", "*"): DEPLOYING,
    ("OperatorRole", "s3:GetObject", "*dead*"): "there are no dead letters in this run",
}


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    given = {parameter: ACCOUNT for parameter, _ in PEOPLE.values()}
    given |= {"ShardCount": "1", "PolicyPlace": "bucket", "KeyArn": KEY, "Webhook": "on", "WebhookAddresses": "any"}
    # A minute that ends before the first record came would be an alarm, with which `status` does not end well.
    given |= {"TrafficExpected": "off"}
    given |= {"ScoreKeys": f"web:{hashed(SCORE_KEY)}:0"}
    given |= {"FlagNotices": "on", "ContentApiCallers": "api-key", "ContentWaiters": "2", "ContentChanges": "on"}
    with Twin(parameters=given, rights="enforced") as running:
        yield running


def session(twin: Twin, role: str) -> dict[str, str]:
    """What whoever assumes a role puts into the environment."""
    found = twin.client("sts").assume_role(RoleArn=twin.outputs[f"{role}Arn"], RoleSessionName="me")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
        "AWS_ENDPOINT_URL": twin.endpoint_url,
        "AWS_DEFAULT_REGION": twin.region,
    }


def administrator(twin: Twin) -> dict[str, str]:
    """What whoever runs the account puts into the environment."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": twin.endpoint_url,
        "AWS_DEFAULT_REGION": twin.region,
    }


class Receiver:
    """Takes what the webhook sends: it is away at first, then answers with the status that it is told to."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.asked = 0
        self.taken = 0
        self._server = make_server("127.0.0.1", 0, self._answer, handler_class=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def _answer(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.asked += 1
        status = "503 Service Unavailable" if self.asked == 1 else self.status
        self.taken += status.startswith("2")
        start_response(status, [])
        return [b""]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Quiet(WSGIRequestHandler):
    def log_message(self, *given: Any) -> None:  # type: ignore[override]
        """Nothing."""


def says(twin: Twin, role: str, *command: str) -> str:
    done = CliRunner().invoke(streamkeeper, command, env=session(twin, role) if role else administrator(twin))
    assert done.exit_code == 0, f"{role}: {' '.join(command)}: {done.output[-2000:]}"
    return done.output


def granted(twin: Twin) -> Iterator[tuple[str, str, str]]:
    """Role, action and resource of every statement that is in force; of a key also through which service."""
    iam = twin.client("iam")
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            given: Any = document if isinstance(document, dict) else json.loads(document)
            for one in given["Statement"]:
                for action in listed(one["Action"]):
                    for resource in listed(one["Resource"]):
                        through = listed(one.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", ""))
                        yield from ((role["Arn"], action, shown(resource, via)) for via in through)


def shown(resource: str, via: str) -> str:
    return f"{resource} through {via.partition('.')[0]}" if via else resource


def whole_run(twin: Twin, receiver: Receiver) -> None:
    says(twin, "OperatorRole", "webhook", "add", "shop", "--url", receiver.url)
    says(twin, "OperatorRole", "webhook", "add", "mistake", "--url", receiver.url)
    says(twin, "OperatorRole", "webhook", "remove", "mistake")
    says(twin, "OperatorRole", "policy", "publish", "default")
    says(twin, "ProducerRole", "produce", "--synthetic", "1000")
    says(twin, "ProducerRole", "produce", "--synthetic", "1500", "--seed", "2", "--deferred")
    says(twin, "ProducerRole", "produce", "--synthetic", "20", "--seed", "3", "--aggregate")
    broken = synthetic(40, seed=4, now=time.time(), shares=Shares(malformed=0.9))
    records = [{"Data": one.payload, "PartitionKey": one.partition_key} for one in broken]
    twin.client("kinesis").put_records(StreamName=twin.outputs["ContentStreamName"], Records=records)
    assert twin.drain(120.0)["drained"]
    says(twin, "AnalystRole", "report", "actions_by_hour")
    says(twin, "AnalystRole", "query", "SELECT count(*) FROM quarantine WHERE dt >= '2020-01-01'")
    for command in ("pause", "resume", "explain", "logs"):
        says(twin, "OperatorRole", command)
    assert "Not looked at" not in says(twin, "OperatorRole", "status", "--stack", "streamkeeper")
    says(twin, "OperatorRole", "audit", "--settle", "0", "--since", "1h")
    says(twin, "OperatorRole", "redrive", "quarantine", "--list")
    says(twin, "OperatorRole", "redrive", "dead-letters", "--since", "1h")
    says(twin, "OperatorRole", "replay", "--since", "1h", "--from", "stream", "--no-lookup")
    says(twin, "OperatorRole", "load", "--rate", "20", "--duration", "1s")
    assert twin.drain(120.0)["drained"]
    receiver.status = "410 Gone"
    by_http(twin)
    until(lambda: "gone" in says(twin, "OperatorRole", "webhook", "letters"), "deliveries are dead letters")
    receiver.status = "200 OK"
    says(twin, "OperatorRole", "webhook", "redrive")
    until(lambda: receiver.taken, "what was redriven has reached the receiver")
    start_with_a_broken_policy(twin)


def by_http(twin: Twin) -> None:
    """Content comes in by the API, and is asked for in each way that there is."""
    gateway = twin.client("apigateway")
    made = gateway.create_api_key(name="rights", enabled=True)
    plan = twin.outputs["ContentApiPlanId"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    client = Client(twin.outputs["ContentApiUrl"], key=made["value"])
    event = {"author_id": "a", "surface": "chat", "text": "You are a complete idiot.", "hold": True}
    client.submit({**event, "content_id": "c0"})
    client.submit_many([{**event, "content_id": f"c{number}"} for number in (1, 2)])
    for number in range(3):
        assert client.wait(f"c{number}", seconds=60).action == "flag"
    assert client.status("c0").action == "flag"
    client.changes("")
    scored(twin)
    assert twin.drain(120.0)["drained"]


def scored(twin: Twin) -> None:
    assert Client(twin.outputs["ScoreApiUrl"], key=SCORE_KEY).score("You are a complete idiot.").action == "flag"


def start_with_a_broken_policy(twin: Twin) -> None:
    """The policy in the bucket is none when functions start: an earlier one holds."""
    key = "policies/default.toml"
    twin.client("s3").put_object(Bucket=twin.outputs["LakeBucketName"], Key=key, Body=b"flga = [")
    for name in ("moderate", "score"):
        function = f"{twin.stack.name}-{name}"
        twin.client("lambda").update_function_configuration(FunctionName=function, Description="cold")
        publish(twin, function)
    says(twin, "ProducerRole", "produce", "--synthetic", "10", "--seed", "5")
    scored(twin)
    assert twin.drain(120.0)["drained"]


def test_a_whole_run_needs_what_is_granted_and_nothing_is_granted_that_it_does_not_need(twin: Twin) -> None:
    receiver = Receiver()
    try:
        whole_run(twin, receiver)
    finally:
        receiver.close()
    assert twin.rights is not None
    used = dict(twin.rights.used)
    refused = [right for right, allowed in used.items() if not allowed]
    rights = set(granted(twin))
    asked = {(right.principal, right.action, shown(right.resource, right.via)) for right in used}
    unused = {
        (role.rpartition("/")[2].split("-")[-2], action, resource)
        for role, action, resource in rights
        if not any(who == role and what == action and matches(resource, which) for who, what, which in asked)
    }

    def covers(which: tuple[str, str, str], one: tuple[str, str, str]) -> bool:
        return all(map(matches, which, one))

    unexplained = sorted(one for one in unused if not any(covers(which, one) for which in NOT_USED))
    idle = [which for which in NOT_USED if not any(covers(which, one) for one in unused)]
    print(f"{len(rights)} rights are granted, {len(rights) - len(unused)} used, {len(unused)} explained")
    assert (refused, unexplained) == ([], [])
    assert len(rights) - len(unused) >= 90
    assert idle == [], "reasons for what is used, or granted no more"


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("ProducerRole", ("query", "SELECT 1")),
        ("ProducerRole", ("pause",)),
        ("AnalystRole", ("produce", "--synthetic", "1")),
        ("AnalystRole", ("pause",)),
        ("AnalystRole", ("policy", "publish", "default")),
    ],
)
def test_a_command_of_others_is_refused(
    twin: Twin, role: str, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what is not delivered is written down where the command runs
    done = CliRunner().invoke(streamkeeper, command, env=session(twin, role))
    assert done.exit_code != 0
    assert "AccessDenied" in done.output


def test_whoever_is_not_named_assumes_no_role(twin: Twin) -> None:
    operator = session(twin, "OperatorRole")
    sts = boto3.client(
        "sts",
        endpoint_url=twin.endpoint_url,
        region_name=twin.region,
        aws_access_key_id=operator["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=operator["AWS_SECRET_ACCESS_KEY"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=twin.outputs["ProducerRoleArn"], RoleSessionName="me")

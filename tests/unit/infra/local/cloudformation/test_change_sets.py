"""Stacks by change sets, as boto3 and SAM ask for them."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from infra.local.cloudformation.change_sets import ChangeSets
from infra.local.cloudformation.cloudformation import Stack, StackApi
from infra.local.cloudformation.provision import Place
from infra.local.errors import ApiError
from tests.fakes.account import FakeAccount

ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": {"Ref": "Limit"}},
}
BUCKET = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate", "Properties": {}}


def template(**resources: Any) -> dict[str, Any]:
    return {
        "Parameters": {"Limit": {"Type": "Number", "Default": 1}},
        "Resources": resources,
        "Outputs": {"Limit": {"Value": {"Ref": "Limit"}}},
    }


class World:
    """An account and the stacks in it; what runs in the background runs when ``finish`` is called."""

    def __init__(self, refuses: str = "") -> None:
        self.account = FakeAccount()
        self.waiting: list[Any] = []
        self.sets = ChangeSets(
            Place(client=self.account, account_id="000000000000", region="eu-west-1"),
            clock=lambda: 1_000_000.0,
            fetch=lambda bucket, key: json.dumps(self.stored[f"{bucket}/{key}"]).encode(),
            start=self.waiting.append,
            refuses=refuses,
        )
        self.stored: dict[str, Any] = {}

    def finish(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()

    def call(self, action: str, **form: str) -> Any:
        return ET.fromstring(self.sets.call({"Action": action, **form}))

    def deploy(self, body: dict[str, Any], kind: str = "CREATE", name: str = "one", **form: str) -> str:
        self.call(
            "CreateChangeSet",
            StackName=name,
            ChangeSetName="set",
            ChangeSetType=kind,
            TemplateBody=json.dumps(body),
            **{"Capabilities.member.1": "CAPABILITY_IAM", **form},
        )
        self.call("ExecuteChangeSet", StackName=name, ChangeSetName="set")
        self.finish()
        return self.sets.stack(name).status


def texts(document: Any, name: str) -> list[str]:
    return [one.text or "" for one in document.iter() if one.tag.endswith("}" + name)]


def test_a_stack_is_reviewed_created_updated_and_deleted() -> None:
    world = World()
    body = json.dumps(template(A=ALARM))
    made = world.call(
        "CreateChangeSet", StackName="one", ChangeSetName="set", ChangeSetType="CREATE", TemplateBody=body
    )
    assert world.sets.stack("one").status == "REVIEW_IN_PROGRESS"
    assert world.account.things == set()
    described = world.call("DescribeChangeSet", StackName="one", ChangeSetName=texts(made, "Id")[0])
    assert (texts(described, "Status"), texts(described, "Action")) == (["CREATE_COMPLETE"], ["Add"])
    world.call("ExecuteChangeSet", StackName="one", ChangeSetName="set")
    assert world.sets.stack("one").status == "CREATE_IN_PROGRESS"
    world.finish()
    assert world.sets.stack("one").status == "CREATE_COMPLETE"
    assert world.sets.stack("one").outputs == {"Limit": "1"}
    assert world.deploy(template(A=ALARM, B=ALARM), "UPDATE", **limit("5")) == "UPDATE_COMPLETE"
    assert world.sets.stack("one").outputs == {"Limit": "5"}
    assert len(world.account.things) == 2
    assert world.deploy(template(B=ALARM), "UPDATE", **limit("5")) == "UPDATE_COMPLETE"
    assert len(world.account.things) == 1
    arn = world.sets.stack("one").arn
    world.call("DeleteStack", StackName="one")
    world.finish()
    assert world.account.things == set()
    assert world.sets.stack(arn).status == "DELETE_COMPLETE"
    with pytest.raises(ApiError, match="Stack with id one does not exist"):
        world.sets.stack("one")


def limit(value: str) -> dict[str, str]:
    return {"Parameters.member.1.ParameterKey": "Limit", "Parameters.member.1.ParameterValue": value}


def test_values_of_before_are_used_again_and_no_change_is_said() -> None:
    world = World()
    world.deploy(template(A=ALARM), **limit("7"))
    same = {"Parameters.member.1.ParameterKey": "Limit", "Parameters.member.1.UsePreviousValue": "true"}
    world.call(
        "CreateChangeSet", StackName="one", ChangeSetName="again", TemplateBody=json.dumps(template(A=ALARM)), **same
    )
    described = world.call("DescribeChangeSet", StackName="one", ChangeSetName="again")
    assert texts(described, "Status") == ["FAILED"]
    assert "didn't contain changes" in texts(described, "StatusReason")[0]
    with pytest.raises(ApiError, match="InvalidChangeSetStatus"):
        world.call("ExecuteChangeSet", StackName="one", ChangeSetName="again")


def test_a_creation_that_failed_must_be_deleted_before_the_next() -> None:
    world = World()
    world.account.refuse = 1
    assert world.deploy(template(A=ALARM, B=ALARM)) == "ROLLBACK_COMPLETE"
    for kind, said in (
        ("UPDATE", "is in ROLLBACK_COMPLETE state and can not be updated"),
        ("CREATE", "already exists"),
    ):
        with pytest.raises(ApiError, match=said):
            world.deploy(template(A=ALARM), kind)
    events = world.call("DescribeStackEvents", StackName="one")
    assert texts(events, "ResourceStatus")[0] == "ROLLBACK_COMPLETE"
    assert "CREATE_FAILED" in texts(events, "ResourceStatus")
    world.call("DeleteStack", StackName="one")
    world.finish()
    assert world.deploy(template(A=ALARM, B=ALARM)) == "CREATE_COMPLETE"


def test_two_stacks_stand_side_by_side() -> None:
    world = World()
    assert world.deploy(template(A=ALARM), name="one") == "CREATE_COMPLETE"
    assert world.deploy(template(A=ALARM), name="two") == "CREATE_COMPLETE"
    assert len(world.account.things) == 2


def importing(bucket: str) -> dict[str, str]:
    prefix = "ResourcesToImport.member.1."
    return {
        prefix + "ResourceType": "AWS::S3::Bucket",
        prefix + "LogicalResourceId": "Lake",
        prefix + "ResourceIdentifier.entry.1.key": "BucketName",
        prefix + "ResourceIdentifier.entry.1.value": bucket,
    }


def test_what_a_deleted_stack_left_is_imported_into_the_next() -> None:
    world = World()
    world.deploy(template(Lake=BUCKET, A=ALARM))
    [lake] = [one.physical_id for one in world.sets.stack("one").resources if one.logical_id == "Lake"]
    world.call("DeleteStack", StackName="one")
    world.finish()
    assert world.account.things == {("bucket", lake)}
    assert world.deploy({"Resources": {"Lake": BUCKET}}, "IMPORT", **importing(lake)) == "IMPORT_COMPLETE"
    assert world.deploy(template(Lake=BUCKET, A=ALARM), "UPDATE") == "UPDATE_COMPLETE"
    assert [one.physical_id for one in world.sets.stack("one").resources if one.logical_id == "Lake"] == [lake]


@pytest.mark.parametrize(
    ("body", "form", "said"),
    [
        ({"Resources": {"Lake": BUCKET, "A": {**ALARM, "Properties": {}}}}, importing("b"), "just the resources"),
        ({"Resources": {"Lake": {"Type": "AWS::S3::Bucket"}}}, importing("b"), "must have a DeletionPolicy: Lake"),
    ],
)
def test_an_import_that_cloudformation_refuses_is_refused(
    body: dict[str, Any], form: dict[str, str], said: str
) -> None:
    with pytest.raises(ApiError, match=said):
        World().deploy(body, "IMPORT", **form)


@pytest.mark.parametrize(
    ("name", "form", "said"),
    [
        ("9lives", {}, "stackName"),
        ("one", {"TemplateBody": "a: ["}, "Template format error"),
        ("one", {"TemplateBody": '{"Resources": {}}' + " " * 51_200}, "51200 at most"),
        (
            "one",
            {"TemplateBody": '{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {}}}}'},
            "CAPABILITY_IAM",
        ),
        ("one", {"ChangeSetType": "UPDATE"}, "does not exist"),
        ("one", limit("x"), "not a number"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_no_stack(name: str, form: dict[str, str], said: str) -> None:
    world = World()
    given = {"ChangeSetType": "CREATE", "TemplateBody": json.dumps(template(A=ALARM)), **form}
    with pytest.raises(ApiError, match=said):
        world.call("CreateChangeSet", StackName=name, ChangeSetName="set", **given)
    assert world.sets.stacks() == []


def test_a_template_in_s3_is_read_by_its_address() -> None:
    world = World()
    world.stored["code/key.template"] = template(A=ALARM)
    url = "https://s3.us-east-1.amazonaws.com/code/key.template"
    world.call("CreateChangeSet", StackName="one", ChangeSetName="set", ChangeSetType="CREATE", TemplateURL=url)
    assert texts(world.call("DescribeChangeSet", StackName="one", ChangeSetName="set"), "LogicalResourceId") == ["A"]


def test_a_change_that_is_not_made_here_is_refused_before_anything_changes() -> None:
    world = World()
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 1}}
    world.deploy(template(Q=queue))
    other = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 2}}
    with pytest.raises(ApiError, match=r"does not change Q \(AWS::SQS::Queue\)"):
        world.deploy(template(Q=other), "UPDATE")
    assert world.sets.stack("one").status == "CREATE_COMPLETE"


def test_a_runtime_that_keeps_its_data_says_why_it_makes_no_stacks() -> None:
    with pytest.raises(ApiError, match="start it without --data"):
        World("start it without --data").deploy(template(A=ALARM))


def test_the_runtimes_own_stack_tells_sam_its_parameters_and_says_why_it_is_not_changed() -> None:
    api = StackApi(World().sets)
    own = Stack(
        name="own",
        region="eu-west-1",
        account_id="000000000000",
        created_at=1_000_000.0,
        description="",
        parameters={"Limit": "1"},
        outputs={},
        output_descriptions={},
        resources=(),
    )
    api.stand(own)
    said = ET.fromstring(api.call({"Action": "GetTemplateSummary", "StackName": "own"}))
    assert texts(said, "ParameterKey") == ["Limit"]
    for action in ("CreateChangeSet", "DeleteStack"):
        with pytest.raises(ApiError, match="started with: start it anew with other parameters, or give another"):
            api.call({"Action": action, "StackName": own.arn})

"""Stacks made of templates: nothing is skipped, and what is made is what the template says."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.cloudformation.cloudformation import Stack
from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.provision import Place, check_resource, provision, read_template, translate
from infra.local.cloudformation.resources import KINDS, lifecycle_rule


class Recorder:
    """Stands for every boto3 client: notes the calls, and answers what the caller reads."""

    def __init__(self, refuse: str = "") -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self._refuse = refuse

    def __call__(self, service: str) -> Any:
        recorder = self

        class Client:
            def get_waiter(self, name: str) -> Any:
                return self

            def wait(self, **_: Any) -> None:
                return None

            def __getattr__(self, operation: str) -> Any:
                def call(**arguments: Any) -> dict[str, Any]:
                    if operation == recorder._refuse:
                        raise ClientError({"Error": {"Code": "LimitExceeded", "Message": "no more"}}, operation)
                    recorder.calls.append((service, operation, arguments))
                    name = arguments.get("QueueName") or arguments.get("Name") or ""
                    return {
                        "QueueUrl": f"http://sqs/{name}",
                        "EventBusArn": f"arn:bus/{name}",
                        "RuleArn": f"arn:rule/{name}",
                        "FunctionArn": f"arn:function/{arguments.get('FunctionName')}",
                        "AliasArn": f"arn:function/{arguments.get('FunctionName')}:{name}",
                        "Version": "1",
                        "Versions": [],
                        "UUID": "uuid-1",
                        "DeliveryStreamARN": f"arn:firehose/{arguments.get('DeliveryStreamName')}",
                        "Role": {"Arn": f"arn:role/{arguments.get('RoleName')}", "RoleId": "AROA"},
                        "TableDescription": {"TableArn": "arn:table"},
                        "NamedQueryId": "query-1",
                    }

                return call

        return Client()

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for _, name, arguments in self.calls if name == operation]


def make(template: dict[str, Any], recorder: Recorder, **parameters: object) -> Stack:
    place = Place(client=recorder, account_id="000000000000", region="us-east-1")
    return provision(template, place, now=0.0, parameters=parameters)


def queue(**properties: Any) -> dict[str, Any]:
    return {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": properties}}}


def test_the_projects_template_is_made_whole() -> None:
    recorder = Recorder()
    stack = make(read_template(), recorder, ShardCount=3)
    types = {resource.type for resource in stack.resources}
    assert types <= set(KINDS)
    [stream] = recorder.of("create_stream")
    assert stream.pop("StreamName").startswith("streamkeeper-ContentStream-")
    assert stream == {"StreamModeDetails": {"StreamMode": "PROVISIONED"}, "ShardCount": 3}
    assert recorder.of("start_stream_encryption")[0]["KeyId"] == "alias/aws/kinesis"
    functions = {one["Handler"]: one for one in recorder.of("create_function")}
    handlers = [f"consumers.aws.{name}_handler.handle" for name in ("archive", "gate", "moderate", "transform")]
    assert sorted(functions) == handlers
    archive, gate, function, deferred = (functions[handler] for handler in handlers)
    assert gate["Environment"]["Variables"]["NEW_VERSION"].startswith("arn:function/streamkeeper-moderate")
    assert deferred["Environment"] == function["Environment"]
    for one in functions.values():
        assert all(isinstance(value, str) for value in one["Environment"]["Variables"].values())
    mappings = recorder.of("create_event_source_mapping")
    # Each reads the stream for itself, so that what one loses the other still has.
    read_by = {one["FunctionName"].rpartition("/")[2] for one in mappings}
    assert read_by >= {archive["FunctionName"], f"{function['FunctionName']}:live"}
    for mapping in mappings:
        destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        assert destination.startswith("arn:aws:s3:::streamkeeper-deadletterbucket-")
        assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert len(recorder.of("create_delivery_stream")) == 3
    assert stack.outputs["LakeBucketName"].startswith("streamkeeper-lakebucket-")
    assert stack.parameters["ShardCount"] == "3"


def test_making_the_projects_template_says_nothing_of_the_translator(caplog: pytest.LogCaptureFixture) -> None:
    make(read_template(), Recorder())
    assert [one.getMessage() for one in caplog.records if one.name.startswith("samtranslator")] == []


def test_a_resource_type_that_is_not_handled_is_an_error_and_nothing_is_made() -> None:
    template = queue(QueueName="q")
    template["Resources"]["Topic"] = {"Type": "AWS::Batch::JobQueue"}
    recorder = Recorder()
    with pytest.raises(TemplateError, match="Topic: resource type AWS::Batch::JobQueue is not handled"):
        make(template, recorder)
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (queue(FifoThroughputLimit="x"), "Q: property FifoThroughputLimit of AWS::SQS::Queue is not handled"),
        ({"Resources": {}, "Hooks": {}}, "section Hooks"),
        (
            {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "CreationPolicy": {}}}},
            "Q: CreationPolicy of a resource is not handled",
        ),
        ({"Resources": {"Q": {"Type": "AWS::SQS::QueuePolicy"}}}, "property Queues is needed"),
    ],
)
def test_what_is_not_handled_is_named(template: dict[str, Any], said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        make(template, Recorder())


def test_every_property_without_effect_says_why() -> None:
    for kind in KINDS.values():
        assert not kind.carried & set(kind.without_effect)
        assert all(len(reason) > 20 for reason in kind.without_effect.values())


def test_a_service_that_refuses_a_resource_is_quoted() -> None:
    with pytest.raises(TemplateError, match="Q was refused by create_queue: LimitExceeded: no more"):
        make(queue(QueueName="q"), Recorder(refuse="create_queue"))


def test_a_resource_whose_condition_does_not_hold_is_not_made() -> None:
    template = queue(QueueName="q")
    template["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    template["Resources"]["Q"]["Condition"] = "Never"
    template["Outputs"] = {"Url": {"Condition": "Never", "Value": {"Ref": "Q"}}}
    recorder = Recorder()
    stack = make(template, recorder)
    assert recorder.calls == []
    assert stack.outputs == {}


def test_a_rule_of_the_template_that_is_broken_stops_it() -> None:
    template = queue(QueueName="q")
    template["Parameters"] = {"Kept": {"Type": "Number", "Default": 7}, "Age": {"Type": "Number", "Default": 3}}
    template["Rules"] = {
        "AgeBelowKept": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Kept"}, "1"]},
            "Assertions": [
                {"Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Age"}, "3"]}]}, "AssertDescription": "too old"}
            ],
        }
    }
    with pytest.raises(TemplateError, match="AgeBelowKept: too old"):
        make(template, Recorder(), Kept=1)
    make(template, Recorder(), Kept=1, Age=2)


def test_no_age_outlasts_the_shortest_retention() -> None:
    make(read_template(), Recorder(), StreamRetentionHours=24, MaximumRecordAgeSeconds=64_800)
    with pytest.raises(TemplateError, match="MaximumRecordAgeSeconds"):
        make(read_template(), Recorder(), StreamRetentionHours=24, MaximumRecordAgeSeconds=86_400)


def test_an_unnamed_resource_gets_the_same_name_every_time() -> None:
    first, second = Recorder(), Recorder()
    make(queue(), first)
    make(queue(), second)
    assert first.of("create_queue") == second.of("create_queue")
    assert first.of("create_queue")[0]["QueueName"].startswith("streamkeeper-Q-")


def test_a_queues_attributes_are_text_as_sqs_wants_them() -> None:
    recorder = Recorder()
    make(
        queue(QueueName="q", SqsManagedSseEnabled=True, VisibilityTimeout=30, RedrivePolicy={"maxReceiveCount": 5}),
        recorder,
    )
    assert recorder.of("create_queue") == [
        {
            "QueueName": "q",
            "Attributes": {
                "RedrivePolicy": '{"maxReceiveCount": 5}',
                "SqsManagedSseEnabled": "true",
                "VisibilityTimeout": "30",
            },
        }
    ]


def test_a_lifecycle_rule_with_an_unknown_member_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"Lake\.LifecycleConfiguration: TagFilters is not handled"):
        lifecycle_rule("Lake", {"Status": "Enabled", "TagFilters": []})


def test_another_region_is_said_to_s3() -> None:
    recorder = Recorder()
    template = {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}}}
    provision(template, Place(client=recorder, account_id="000000000000", region="eu-west-1"), now=0.0)
    assert recorder.of("create_bucket") == [
        {"Bucket": "b", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    ]


def test_sam_refuses_in_its_own_words() -> None:
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": 3}}},
    }
    with pytest.raises(TemplateError, match="SAM refuses the template"):
        translate(template, "us-east-1")


def test_the_template_is_left_as_it_was() -> None:
    template = read_template()
    translate(template, "us-east-1")
    assert template == read_template()


def test_check_resource_passes_what_is_handled() -> None:
    check_resource("Q", {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}, "DeletionPolicy": "Delete"})

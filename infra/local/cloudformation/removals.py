"""How each resource type is removed by API calls, and how one that exists already is taken into a stack."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.kinds import Made, Maker, Properties

Remove = Callable[[Maker, str, Properties], None]
"""Takes a resource's name in the world, and the properties that it was made with."""


def _stream(maker: Maker, name: str, properties: Properties) -> None:
    kinesis = maker.client("kinesis")
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    kinesis.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _role(maker: Maker, name: str, properties: Properties) -> None:
    iam = maker.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _policy(maker: Maker, name: str, properties: Properties) -> None:
    for role in properties.get("Roles", [properties["RoleName"]] if "RoleName" in properties else []):
        maker.client("iam").delete_role_policy(RoleName=role, PolicyName=properties["PolicyName"])


def _rule(maker: Maker, name: str, properties: Properties) -> None:
    bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
    targets = [target["Id"] for target in properties.get("Targets", [])]
    if targets:
        maker.client("events").remove_targets(Rule=name, Ids=targets, **bus)
    maker.client("events").delete_rule(Name=name, **bus)


def _queue_policy(maker: Maker, name: str, properties: Properties) -> None:
    for url in properties["Queues"]:
        maker.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


def _layer(maker: Maker, name: str, properties: Properties) -> None:
    layer, _, version = name.rpartition(":")
    maker.client("lambda").delete_layer_version(LayerName=layer, VersionNumber=int(version))


def _version(maker: Maker, name: str, properties: Properties) -> None:
    function, _, version = name.rpartition(":")
    maker.client("lambda").delete_function(FunctionName=function, Qualifier=version)


REMOVALS: Final[Mapping[str, Remove]] = {
    "AWS::ApiGateway::Deployment": lambda m, name, p: m.client("apigateway").delete_deployment(
        restApiId=p["RestApiId"], deploymentId=name
    ),
    "AWS::ApiGateway::RestApi": lambda m, name, p: m.client("apigateway").delete_rest_api(restApiId=name),
    "AWS::ApiGateway::Stage": lambda m, name, p: m.client("apigateway").delete_stage(
        restApiId=p["RestApiId"], stageName=name
    ),
    "AWS::ApiGateway::UsagePlan": lambda m, name, p: m.client("apigateway").delete_usage_plan(usagePlanId=name),
    "AWS::ApiGatewayV2::Api": lambda m, name, p: m.client("apigatewayv2").delete_api(ApiId=name),
    "AWS::ApiGatewayV2::Integration": lambda m, name, p: m.client("apigatewayv2").delete_integration(
        ApiId=p["ApiId"], IntegrationId=name
    ),
    "AWS::ApiGatewayV2::Route": lambda m, name, p: m.client("apigatewayv2").delete_route(
        ApiId=p["ApiId"], RouteId=name
    ),
    "AWS::ApiGatewayV2::Stage": lambda m, name, p: m.client("apigatewayv2").delete_stage(
        ApiId=p["ApiId"], StageName=name
    ),
    "AWS::Athena::NamedQuery": lambda m, name, p: m.client("athena").delete_named_query(NamedQueryId=name),
    "AWS::Athena::WorkGroup": lambda m, name, p: m.client("athena").delete_work_group(
        WorkGroup=name, RecursiveDeleteOption=True
    ),
    "AWS::CloudWatch::Alarm": lambda m, name, p: m.client("cloudwatch").delete_alarms(AlarmNames=[name]),
    "AWS::CloudWatch::Dashboard": lambda m, name, p: m.client("cloudwatch").delete_dashboards(DashboardNames=[name]),
    "AWS::DynamoDB::Table": lambda m, name, p: m.client("dynamodb").delete_table(TableName=name),
    "AWS::Events::EventBus": lambda m, name, p: m.client("events").delete_event_bus(Name=name),
    "AWS::Events::Rule": _rule,
    "AWS::Glue::Database": lambda m, name, p: m.client("glue").delete_database(Name=name),
    "AWS::Glue::Table": lambda m, name, p: m.client("glue").delete_table(DatabaseName=p["DatabaseName"], Name=name),
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::IAM::RolePolicy": _policy,
    "AWS::Kinesis::Stream": _stream,
    "AWS::KinesisFirehose::DeliveryStream": lambda m, name, p: m.client("firehose").delete_delivery_stream(
        DeliveryStreamName=name
    ),
    "AWS::CodeDeploy::Application": lambda m, name, p: m.client("codedeploy").delete_application(applicationName=name),
    "AWS::CodeDeploy::DeploymentGroup": lambda m, name, p: m.client("codedeploy").delete_deployment_group(
        applicationName=p["ApplicationName"], deploymentGroupName=name
    ),
    "AWS::Lambda::Alias": lambda m, name, p: m.client("lambda").delete_alias(
        FunctionName=p["FunctionName"], Name=p["Name"]
    ),
    "AWS::Lambda::EventSourceMapping": lambda m, name, p: m.client("lambda").delete_event_source_mapping(UUID=name),
    "AWS::Lambda::Function": lambda m, name, p: m.client("lambda").delete_function(FunctionName=name),
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Lambda::Version": _version,
    "AWS::Lambda::Permission": lambda m, name, p: m.client("lambda").remove_permission(
        FunctionName=p["FunctionName"], StatementId=name[:100]
    ),
    "AWS::Logs::LogGroup": lambda m, name, p: m.client("logs").delete_log_group(logGroupName=name),
    "AWS::Logs::LogStream": lambda m, name, p: m.client("logs").delete_log_stream(
        logGroupName=p["LogGroupName"], logStreamName=name
    ),
    "AWS::Logs::SubscriptionFilter": lambda m, name, p: m.client("logs").delete_subscription_filter(
        logGroupName=p["LogGroupName"], filterName=name
    ),
    "AWS::S3::Bucket": lambda m, name, p: m.client("s3").delete_bucket(Bucket=name),
    "AWS::S3::BucketPolicy": lambda m, name, p: m.client("s3").delete_bucket_policy(Bucket=p["Bucket"]),
    "AWS::SNS::Subscription": lambda m, name, p: m.client("sns").unsubscribe(SubscriptionArn=name),
    "AWS::SNS::Topic": lambda m, name, p: m.client("sns").delete_topic(TopicArn=name),
    "AWS::SNS::TopicPolicy": lambda m, name, p: None,  # it goes with its topic
    "AWS::SQS::Queue": lambda m, name, p: m.client("sqs").delete_queue(QueueUrl=name),
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::WAFv2::WebACL": lambda m, name, p: None,  # it was nothing here
    "AWS::WAFv2::WebACLAssociation": lambda m, name, p: None,
}
"""By resource type. What one of them needs beside the name is in the properties that the resource was made with."""

_GONE: Final = ("NotFound", "NoSuch", "NonExistent", "EntityNotFound", "DoesNotExist", "is not found", "404")


def remove(kind: str, maker: Maker, name: str, properties: Properties) -> None:
    """Removes a resource; one that is gone already is no error, as for CloudFormation.

    Raises:
        TemplateError: the type is not one that the laptop runtime removes, or its service refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if kind not in REMOVALS:
        raise TemplateError(f"a resource of type {kind} is not removed by the laptop runtime")
    try:
        REMOVALS[kind](maker, name, properties)
    except ClientError as error:
        detail = error.response.get("Error", {})
        said = f"{detail.get('Code')}: {detail.get('Message')}"
        if not any(word in said for word in _GONE):
            raise TemplateError(f"{error.operation_name} refused: {said}") from error
    except BotoCoreError as error:
        raise TemplateError(str(error)) from error


def _bucket_there(maker: Maker, name: str) -> Made:
    maker.client("s3").head_bucket(Bucket=name)
    where = f"{name}.s3.{maker.region}.amazonaws.com"
    attributes = {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com", "RegionalDomainName": where}
    return Made(name, attributes)


def _stream_there(maker: Maker, name: str) -> Made:
    maker.client("kinesis").describe_stream_summary(StreamName=name)
    return Made(name, {"Arn": maker.arn("kinesis", f"stream/{name}")})


def _table_there(maker: Maker, name: str) -> Made:
    answer = maker.client("dynamodb").describe_table(TableName=name)
    return Made(name, {"Arn": answer["Table"]["TableArn"]})


IMPORTS: Final[Mapping[str, tuple[str, Callable[[Maker, str], Made]]]] = {
    "AWS::S3::Bucket": ("BucketName", _bucket_there),
    "AWS::Kinesis::Stream": ("Name", _stream_there),
    "AWS::DynamoDB::Table": ("TableName", _table_there),
}
"""By resource type: what it is found by, as CloudFormation calls that, and how.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-supported-resources.html
"""


def adopt(kind: str, maker: Maker, identifier: Mapping[str, Any]) -> Made:
    """A resource that exists, as if it had just been made.

    Raises:
        TemplateError: there is none, or its type cannot be imported here.
    """
    from botocore.exceptions import ClientError

    if kind not in IMPORTS:
        raise TemplateError(
            f"a resource of type {kind} is not imported by the laptop runtime; {', '.join(IMPORTS)} are"
        )
    member, find = IMPORTS[kind]
    if set(identifier) != {member}:
        raise TemplateError(f"a resource of type {kind} is imported by its {member}; received {sorted(identifier)}")
    try:
        return find(maker, str(identifier[member]))
    except ClientError as error:
        detail = error.response.get("Error", {})
        raise TemplateError(f"{kind} {identifier[member]} is not there: {detail.get('Code')}") from error

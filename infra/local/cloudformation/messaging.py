"""Topics, subscriptions and what takes the events of a log group, made by the services' APIs."""

import json
from collections.abc import Mapping
from typing import Final

from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.kinds import Kind, Made, Maker, Properties

_PROTOCOLS: Final = ("lambda", "sqs")


def _topic(maker: Maker, logical: str, properties: Properties) -> Made:
    sns = maker.client("sns")
    name = properties.get("TopicName") or maker.name(logical)
    attributes = {key: str(properties[key]) for key in ("DisplayName", "KmsMasterKeyId") if key in properties}
    arn = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    for subscription in properties.get("Subscription", []):
        _subscribe(maker, logical, {"TopicArn": arn, **subscription})
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def _subscription(maker: Maker, logical: str, properties: Properties) -> Made:
    return Made(_subscribe(maker, logical, properties))


def _subscribe(maker: Maker, logical: str, properties: Properties) -> str:
    if properties["Protocol"] not in _PROTOCOLS:
        raise TemplateError(
            f"{logical}: protocol {properties['Protocol']} of a subscription is not handled by the laptop runtime; "
            f"{' and '.join(_PROTOCOLS)} are"
        )
    attributes = {}
    for key in ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery"):
        if key in properties:
            value = properties[key]
            attributes[key] = value if isinstance(value, str) else json.dumps(value)
    answer = maker.client("sns").subscribe(
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    return str(answer["SubscriptionArn"])


def _topic_policy(maker: Maker, logical: str, properties: Properties) -> Made:
    for arn in properties["Topics"]:
        maker.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(properties["PolicyDocument"])
        )
    return Made(maker.name(logical))


def _subscription_filter(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.get("FilterName") or maker.name(logical)
    maker.client("logs").put_subscription_filter(
        logGroupName=properties["LogGroupName"],
        filterName=name,
        filterPattern=properties.get("FilterPattern", ""),
        destinationArn=properties["DestinationArn"],
        **({"roleArn": properties["RoleArn"]} if "RoleArn" in properties else {}),
    )
    return Made(name)


KINDS: Final[Mapping[str, Kind]] = {
    "AWS::Logs::SubscriptionFilter": Kind(
        make=_subscription_filter,
        carried=frozenset({"DestinationArn", "FilterName", "FilterPattern", "LogGroupName", "RoleArn"}),
    ),
    "AWS::SNS::Subscription": Kind(
        make=_subscription,
        carried=frozenset(
            {"Endpoint", "FilterPolicy", "FilterPolicyScope", "Protocol", "RawMessageDelivery", "TopicArn"}
        ),
        without_effect={"Region": "there is one region, where the topic is, too"},
    ),
    "AWS::SNS::Topic": Kind(
        make=_topic,
        carried=frozenset({"DisplayName", "KmsMasterKeyId", "Subscription", "TopicName"}),
        without_effect={"Tags": "nothing here is searched, billed or allowed by tags"},
    ),
    "AWS::SNS::TopicPolicy": Kind(make=_topic_policy, carried=frozenset({"PolicyDocument", "Topics"})),
}

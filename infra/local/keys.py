"""The customer keys that streams, buckets, queues, topics and tables are encrypted with: which key, and whose policy.

Nothing is encrypted in this process. What is so here is who may use which key for what: AWS asks it at each call.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.cloudformation.intrinsics import Resolver, load_template
from infra.local.defaults import KEY_TEMPLATE
from infra.local.moto_backend import MotoBackend
from infra.rights.needs import Need, Where, of_key

_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):key/([A-Za-z0-9-]{1,64})")


class Keys:
    """The keys that calls use beside their own right.

    Args:
        moto: keeps the keys, and what buckets, queues, topics and tables are encrypted with.
        where: this account and region.
    """

    def __init__(self, moto: MotoBackend, where: Where) -> None:
        self._moto = moto
        self._where = where
        self.of_stream: Callable[[str], str] = lambda name: ""
        """The key's id that a stream of that name is encrypted with; empty for none."""

    def needs(self, need: Need) -> list[Need]:
        """What a call needs of the customer key of its resource; nothing where there is none, or AWS manages it."""
        given, about = self._given(need.resource)
        key = self._customer_key(given) if given else ""
        return of_key(need, key, self._where.region, about=about) if key else []

    def _given(self, resource: str) -> tuple[str, str]:
        """The key's id as the resource has it, and the data's encryption context."""
        service = resource.split(":")[2] if resource.startswith("arn:") else ""
        name = resource.rpartition(":")[2]
        if service == "kinesis":
            return self.of_stream(name.rpartition("/")[2]), resource
        if service == "s3":
            return self._of_bucket(name)
        if service == "sqs":
            queue = self._moto.backend("sqs").queues.get(name)
            return str(getattr(queue, "kms_master_key_id", None) or ""), resource
        if service == "sns":
            topic = self._moto.backend("sns").topics.get(resource)
            return str(getattr(topic, "kms_master_key_id", None) or ""), resource
        if service == "dynamodb":
            table = name.split("/")[1] if "/" in name else ""
            found = self._moto.backend("dynamodb").tables.get(table)
            given: Mapping[str, Any] = getattr(found, "sse_specification", None) or {}
            return str(given.get("KMSMasterKeyId", "")), table
        return "", ""

    def _of_bucket(self, name: str) -> tuple[str, str]:
        bucket, _, key = name.partition("/")
        found = self._moto.backend("s3").buckets.get(bucket)
        rule: Any = ((getattr(found, "encryption", None) or {}).get("Rule")) or {}
        rule = rule[0] if isinstance(rule, list) else rule
        given = rule.get("ApplyServerSideEncryptionByDefault", {})
        if given.get("SSEAlgorithm") != "aws:kms":
            return "", ""
        # With a bucket key the context is the bucket, and the object without.
        whole = str(rule.get("BucketKeyEnabled", "")).lower() == "true"
        about = f"arn:aws:s3:::{bucket}" if whole or not key else f"arn:aws:s3:::{name}"
        return str(given.get("KMSMasterKeyID", "")), about

    def _customer_key(self, given: str) -> str:
        """The ARN of a key that is not one of AWS's own; given as ARN, id or alias."""
        if given.rpartition(":")[2].startswith("alias/aws/"):
            return ""
        keys = self._moto.backend("kms").keys
        named = given.rpartition(":")[2]
        found = keys.get(named.rpartition("/")[2])
        if named.startswith("alias/"):
            found = next((one for one in keys.values() if named in one.aliases), None)
        if found is None:
            return given if given.startswith("arn:") else self._where.arn("kms", f"key/{given}")
        own = any(str(alias).startswith("alias/aws/") for alias in found.aliases)
        return "" if own else str(found.arn)


def make_named_keys(moto: MotoBackend, parameters: Mapping[str, object], where: Where, stack: str) -> None:
    """Makes each key of this account that a parameter names by its ARN, with the policy of ``infra/aws/key.yaml``.

    On AWS a key is there before the stack that uses it.
    """
    for value in parameters.values():
        found = _ARN.fullmatch(str(value))
        if found and (found[1], found[2]) == (where.region, where.account):
            kms = moto.backend("kms")
            key = kms.create_key(policy_of_key(where, stack), "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
            del kms.keys[key.id]
            key.id, key.arn = found[3], found[0]
            kms.keys[key.id] = key


def policy_of_key(where: Where, stack: str) -> str:
    """The policy that ``infra/aws/key.yaml`` gives the key of a stack, as JSON."""
    template = load_template(KEY_TEMPLATE.read_text(encoding="utf-8"))
    pseudo = {"AWS::AccountId": where.account, "AWS::Region": where.region}
    resolver = Resolver(
        template,
        parameters={"Stack": stack},
        pseudo={**pseudo, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"},
        attribute=lambda name, attribute: "",
    )
    return json.dumps(resolver.resolve(template["Resources"]["Key"]["Properties"]["KeyPolicy"], "Key"))

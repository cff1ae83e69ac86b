"""Makes the stack of a SAM template on the twin: what is deployed to AWS is what runs here.

The template is translated by AWS's own SAM translator, its intrinsic functions are resolved, and each resource is made
by the API call that a user would make. A resource type or a property that is not handled is an error that names it.
"""

import logging
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.apigateway.gateway import PREFIX
from infra.local.awslambda.packages import packed
from infra.local.cloudformation.checks import check_rules
from infra.local.cloudformation.functions import LOCAL_CODE
from infra.local.cloudformation.intrinsics import (
    Resolver,
    Template,
    TemplateError,
    creation_order,
    load_template,
    parameter_values,
)
from infra.local.cloudformation.kinds import Change, Made, Maker, Properties
from infra.local.cloudformation.model import Stack, StackResource
from infra.local.cloudformation.resources import KINDS
from infra.local.defaults import STACK_NAME, TEMPLATE

_API_ADDRESS = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
_CHECKOUT = "s3://this-checkout/build/lambda"
"""Where the code of the project's own functions is said to lie: they are imported from this checkout."""
_CODE_OF = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Lambda::Function": "Code",
    "AWS::Lambda::LayerVersion": "Content",
}
"""By type, the property that may name a folder or file beside the template, as ``sam package`` takes it."""
_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Globals",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    }
)
# What a resource may have beside its Properties. What an UpdatePolicy may say is checked by ``check_resource``.
_RESOURCE_KEYS = frozenset(
    {
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "Metadata",
        "DeletionPolicy",
        "UpdatePolicy",
        "UpdateReplacePolicy",
    }
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a stack is made, and by which clients.

    Args:
        client: gives the boto3 client of a service name.
    """

    client: Callable[[str], Any]
    account_id: str
    region: str


class Plan:
    """What a template comes to with some parameters: the resources in the order in which they are made, and how.

    Args:
        template: from ``load_template``; it is left as it is.
        parameters: values by parameter name; the others take their defaults.
        stack_id: what tells this stack from an earlier one of its name; CloudFormation's names carry it.
        folder: where the template lies, from which its code is taken; None for the project's own template.

    Raises:
        TemplateError: a parameter, function, resource type or property that is wrong or not handled.
    """

    def __init__(
        self,
        template: Template,
        place: Place,
        *,
        parameters: Mapping[str, object] | None = None,
        stack_name: str = STACK_NAME,
        stack_id: str = "",
        folder: Path | None = None,
    ) -> None:
        unknown = sorted(set(template) - _SECTIONS)
        if unknown:
            raise TemplateError(f"section {', '.join(unknown)} of the template is not handled")
        self.template = template
        self.values = parameter_values(template, parameters or {})
        archives: dict[str, bytes] = {}
        translated = _with_code(template, folder, archives)
        if any(str(one.get("Type", "")).startswith("AWS::Serverless::") for one in translated["Resources"].values()):
            translated = translate(translated, place.region, self.values)
        self.maker = Maker(
            client=place.client,
            account_id=place.account_id,
            region=place.region,
            stack_name=stack_name,
            archives=archives,
            stack_id=stack_id,
        )
        self.made: dict[str, Made] = {}
        self._resolver = Resolver(
            translated,
            parameters=self.values,
            pseudo=_pseudo(place, stack_name),
            attribute=lambda logical, name: _attribute(self.made, logical, name),
        )
        check_rules(template, self._resolver)
        # SAM has names of its own for what belongs to a function, such as its alias.
        self._declared_outputs: dict[str, Any] = translated.get("Outputs", {})
        self.resources: dict[str, Mapping[str, Any]] = {
            logical: resource
            for logical, resource in translated["Resources"].items()
            if "Condition" not in resource or self._resolver.condition(resource["Condition"])
        }
        for logical, resource in self.resources.items():
            check_resource(logical, resource)
        self.order = creation_order(self.resources)

    def properties(self, logical: str) -> dict[str, Any]:
        """What of a resource's properties reaches its service; all that it refers to has to be made."""
        resource = self.resources[logical]
        properties = self._resolver.resolve(resource.get("Properties", {}), logical)
        return {name: value for name, value in properties.items() if name in KINDS[resource["Type"]].carried}

    def fixed(self, logical: str) -> dict[str, Any]:
        """Those properties of a resource that cannot be changed in place."""
        resource = self.resources[logical]
        given = resource.get("Properties", {})
        names = KINDS[resource["Type"]].fixed
        found: dict[str, Any] = self._resolver.resolve({n: one for n, one in given.items() if n in names}, logical)
        return found

    def make(self, logical: str) -> StackResource:
        """Makes one resource, once all that it refers to is made.

        Raises:
            TemplateError: its service refuses it; what there is of it then is in ``maker.begun``.
        """
        kind, properties = self.resources[logical]["Type"], deepcopy(self.properties(logical))
        self.made[logical] = _asked(logical, lambda: KINDS[kind].make(self.maker, logical, properties))
        return StackResource(logical_id=logical, physical_id=self.made[logical].ref, type=kind)

    def change(self, logical: str, before: Properties, made: Made, *, back: bool = False) -> StackResource:
        """Changes a resource in place, once all that it refers to is there.

        Args:
            before: the properties that it has.
            made: what Ref and GetAtt give of it.
            back: whether this takes back an update that failed.

        Raises:
            TemplateError: its service refuses it, or a deployment that it takes was stopped.
        """
        resource = self.resources[logical]
        change = KINDS[resource["Type"]].change
        if change is None:
            return self.make(logical)
        policy = self._resolver.resolve(resource.get("UpdatePolicy", {}), logical)
        what = Change(
            physical=made.ref,
            made=made,
            before=deepcopy(before),
            after=deepcopy(self.properties(logical)),
            policy=policy,
            back=back,
        )
        self.made[logical] = _asked(logical, lambda: change(self.maker, logical, what))
        return StackResource(logical_id=logical, physical_id=self.made[logical].ref, type=resource["Type"])

    def outputs(self) -> dict[str, str]:
        """The outputs' values by name, once everything is made."""
        values = {name: str(self._resolver.resolve(one["Value"], name)) for name, one in self._outputs().items()}
        return {name: _reached(value, self.maker) for name, value in values.items()}

    def output_descriptions(self) -> dict[str, str]:
        return {name: str(one.get("Description", "")) for name, one in self._outputs().items()}

    def _outputs(self) -> dict[str, Any]:
        return {
            name: output
            for name, output in self._declared_outputs.items()
            if "Condition" not in output or self._resolver.condition(output["Condition"])
        }


def provision(
    template: Template,
    place: Place,
    *,
    now: float,
    parameters: Mapping[str, object] | None = None,
    stack_name: str = STACK_NAME,
    folder: Path | None = None,
    on_made: Callable[[StackResource], None] | None = None,
) -> Stack:
    """The stack, once all of its resources are made.

    Args:
        template: from ``load_template``; it is left as it is.
        now: epoch seconds.
        parameters: values by parameter name; the others take their defaults.
        folder: where the template lies, from which its code is taken; None for the project's own template.
        on_made: called after each resource, for a progress bar.

    Raises:
        TemplateError: a parameter, function, resource type or property that is wrong or not handled.
            So is what a service refuses, as it would on AWS.
    """
    plan = Plan(template, place, parameters=parameters, stack_name=stack_name, folder=folder)
    listed: list[StackResource] = []
    for logical in plan.order:
        listed.append(plan.make(logical))
        if on_made:
            on_made(listed[-1])
    return Stack(
        name=stack_name,
        region=place.region,
        account_id=place.account_id,
        created_at=now,
        description=str(template.get("Description", "")).strip(),
        parameters={name: str(value) for name, value in plan.values.items()},
        outputs=plan.outputs(),
        output_descriptions=plan.output_descriptions(),
        resources=tuple(listed),
    )


def _reached(value: str, maker: Maker) -> str:
    """An output's value, with the address of a REST API as the runtime serves it."""
    if not (found := _API_ADDRESS.match(value)):
        return value
    endpoint: str = maker.client("apigateway").meta.endpoint_url
    return f"{endpoint}{PREFIX}{found[1]}{value[found.end() :]}"


def _asked(logical: str, work: Callable[[], Made]) -> Made:
    """What came of asking a service.

    Raises:
        TemplateError: it refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return work()
    except ClientError as error:
        detail = error.response.get("Error", {})
        raise TemplateError(
            f"{logical} was refused by {error.operation_name}: {detail.get('Code')}: {detail.get('Message')}"
        ) from error
    except BotoCoreError as error:
        raise TemplateError(f"{logical}: {error}") from error
    except KeyError as error:
        raise TemplateError(f"{logical}: property {error.args[0]} is needed by the laptop runtime") from error


def read_template(path: Path = TEMPLATE) -> Template:
    """The template in a file.

    Raises:
        TemplateError: it cannot be read as a template.
    """
    return load_template(path.read_text(encoding="utf-8"))


def _with_code(template: Template, folder: Path | None, archives: dict[str, bytes]) -> Template:
    """The template with its local code packed into ``archives`` and named as if it lay in S3.

    Raises:
        TemplateError: there is no such folder or file.
    """
    found = deepcopy(template)
    shared = (found.get("Globals", {}).get("Function") or {}).pop("CodeUri", None)
    for logical, resource in found["Resources"].items():
        member = _CODE_OF.get(str(resource.get("Type")))
        if member is None:
            continue
        properties = resource.setdefault("Properties", {})
        if member == "CodeUri" and shared is not None and "InlineCode" not in properties:
            properties.setdefault("CodeUri", shared)
        path = properties.get(member)
        if not isinstance(path, str) or path.startswith("s3://"):
            continue
        if folder is None:
            properties[member] = _CHECKOUT
            continue
        try:
            archives[path] = packed((folder / path).resolve())
        except OSError as error:
            raise TemplateError(f"{logical}: {member} {path!r} cannot be read: {error}") from error
        is_serverless = resource["Type"].startswith("AWS::Serverless::")
        properties[member] = (
            {"Bucket": LOCAL_CODE, "Key": path} if is_serverless else {"S3Bucket": LOCAL_CODE, "S3Key": path}
        )
    return found


def translate(template: Template, region: str, given: Mapping[str, Any] | None = None) -> Template:
    """The template with SAM's resources written out as CloudFormation's.

    Args:
        given: values of its parameters; SAM publishes another version of a function when what it is made of changes.

    Raises:
        TemplateError: the SAM translator refuses it; the message is the translator's.
    """
    import boto3
    from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.arn_generator import ArnGenerator
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

    # It warns of switches that only AWS's own deployment of it has.
    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)
    fragment = _with_code(template, None, {})
    # What samtranslator's own transform() does, with the region given rather than read from the environment.
    ArnGenerator.BOTO_SESSION_REGION_NAME = region
    values: dict[str, Any] = {
        name: ",".join(value) if isinstance(value, list) else str(value) for name, value in (given or {}).items()
    }
    to_py27_compatible_template(fragment, values)
    metrics = Metrics("streamkeeper", DummyMetricsPublisher())
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=region), metrics=metrics)
    try:
        translated = translator.translate(fragment, parameter_values=values, get_managed_policy_map=dict)
    except InvalidDocumentException as error:
        raise TemplateError(f"SAM refuses the template: {error.message}") from error
    finally:
        metrics.publish()  # to nowhere; unpublished ones are complained of
    answer: Template = undo_mark_unicode_str_in_template(translated)
    return answer


def check_resource(logical: str, resource: Mapping[str, Any]) -> None:
    """Passes when a resource's type and all of its properties are handled.

    Raises:
        TemplateError: naming the type or the properties that are not.
    """
    kind = KINDS.get(resource.get("Type", ""))
    if kind is None:
        raise TemplateError(
            f"{logical}: resource type {resource.get('Type')} is not handled by the laptop runtime; it handles "
            f"{', '.join(sorted(KINDS))}"
        )
    surplus = sorted(set(resource) - _RESOURCE_KEYS)
    if surplus:
        raise TemplateError(f"{logical}: {', '.join(surplus)} of a resource is not handled by the laptop runtime")
    policies = sorted(set(resource.get("UpdatePolicy", {})) - {"CodeDeployLambdaAliasUpdate"})
    if policies or ("UpdatePolicy" in resource and resource["Type"] != "AWS::Lambda::Alias"):
        raise TemplateError(
            f"{logical}: UpdatePolicy {', '.join(policies)} of {resource['Type']} is not handled by the laptop "
            "runtime; CodeDeployLambdaAliasUpdate of AWS::Lambda::Alias is"
        )
    unhandled = sorted(set(resource.get("Properties", {})) - kind.carried - set(kind.without_effect))
    if unhandled:
        raise TemplateError(
            f"{logical}: property {', '.join(unhandled)} of {resource['Type']} is not handled by the laptop runtime"
        )


def _pseudo(place: Place, stack_name: str) -> dict[str, Any]:
    return {
        "AWS::AccountId": place.account_id,
        "AWS::Partition": "aws",
        "AWS::Region": place.region,
        "AWS::StackName": stack_name,
        "AWS::StackId": f"arn:aws:cloudformation:{place.region}:{place.account_id}:stack/{stack_name}/local",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": [],
    }


def _attribute(made: Mapping[str, Made], logical: str, name: str | None) -> Any:
    if logical not in made:
        raise TemplateError(f"{logical} is referred to, and is neither a parameter nor a resource that is made")
    one = made[logical]
    if name is None:
        return one.ref
    if name not in one.attributes:
        known = ", ".join(sorted(one.attributes)) or "none"
        raise TemplateError(f"{logical}.{name}: no such attribute is known here; known: {known}")
    return one.attributes[name]

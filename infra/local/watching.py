"""What delivery streams, mappings and functions' logs do with their roles, told to whom it concerns.

None of it comes in as a call, since the runtime's own parts work on its stores; on AWS each is a call of the role.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.awslambda.destinations import FailureDestinations
from infra.local.awslambda.documents import Discarded
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions
from infra.local.awslambda.queues_api import QueueMappings
from infra.local.errors import ApiError
from infra.local.firehose.driver import ObjectStore, Ports
from infra.local.firehose.objects import Catalog
from infra.local.firehose.records import SourceRecord
from infra.local.firehose.source import Source
from infra.local.gateway_rights import GatewayRights
from infra.local.kinesis.streams import Streams
from infra.local.moto_backend import MotoBackend
from infra.local.rights import GuardedDoor, Rights
from infra.rights.evaluation import Policy
from infra.rights.needs import Need, Where, needs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

READS_QUEUE = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
READS = ("GetRecords", "GetShardIterator", "ListShards")
"""The calls that reading a stream's shards is made of."""


class Log(Protocol):
    """Where functions' output goes."""

    def write(self, group: str, stream: str, lines: Sequence[str]) -> None: ...


class Roles:
    """By the name of a delivery stream, the configuration that it was made with: its roles are in there."""

    def __init__(self) -> None:
        self._given: dict[str, Mapping[str, Any]] = {}

    def made(self, name: str, given: Mapping[str, Any]) -> None:
        """Notes the parameters of a CreateDeliveryStream."""
        self._given[name] = given

    def destination(self, name: str) -> str:
        """The role that writes objects."""
        return str(self._s3(name).get("RoleARN", ""))

    def schema(self, name: str) -> str:
        """The role that reads the table's schema."""
        conversion = self._s3(name).get("DataFormatConversionConfiguration") or {}
        return str(conversion.get("SchemaConfiguration", {}).get("RoleARN", ""))

    def source(self, name: str) -> str:
        """The role that reads the Kinesis stream."""
        return str((self._given.get(name, {}).get("KinesisStreamSourceConfiguration") or {}).get("RoleARN", ""))

    def function(self, name: str) -> str:
        """The role that calls the function; the destination's where the processor names none."""
        for processor in (self._s3(name).get("ProcessingConfiguration") or {}).get("Processors", []):
            for one in processor.get("Parameters", []):
                if one["ParameterName"] == "RoleArn":
                    return str(one["ParameterValue"])
        return self.destination(name)

    def _s3(self, name: str) -> Mapping[str, Any]:
        given: Mapping[str, Any] = self._given.get(name, {}).get("ExtendedS3DestinationConfiguration") or {}
        return given


@dataclass(frozen=True)
class WatchedPorts(Ports):
    """Ports whose uses are told, for the delivery stream that they are of."""

    rights: Rights | None = None
    where: Where | None = None
    roles: Roles | None = None

    def of(self, stream: str) -> Ports:
        """The ports of one delivery stream, by its name."""
        if self.rights is None or self.where is None or self.roles is None:
            return self
        rights, where, roles = self.rights, self.where, self.roles

        def call(arn: str, event: bytes) -> bytes:
            rights.require(roles.function(stream), Need("lambda:InvokeFunction", arn))
            return self.call(arn, event)

        return Ports(
            _Objects(self.objects, lambda need: rights.require(roles.destination(stream), need)),
            _Catalog(self.catalog, where, lambda need: rights.require(roles.schema(stream), need)),
            call,
            self.names,
            self.meter,
        )


class _Objects:
    def __init__(self, objects: ObjectStore, require: Any) -> None:
        self._objects = objects
        self._require = require

    def put(self, bucket: str, key: str, body: bytes) -> object:
        self._require(Need("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}"))
        return self._objects.put(bucket, key, body)


class _Catalog:
    def __init__(self, catalog: Catalog, where: Where, require: Any) -> None:
        self._catalog = catalog
        self._where = where
        self._require = require

    def get_table(self, database: str, name: str) -> Mapping[str, Any]:
        for need in needs("glue", "GetTable", {"DatabaseName": database, "Name": name}, self._where):
            self._require(need)
        return self._catalog.get_table(database, name)


class WatchedSource:
    """A source whose reads are told."""

    def __init__(self, source: Source, rights: Rights, role: Callable[[], str]) -> None:
        self._source = source
        self._rights = rights
        self._role = role

    @property
    def arn(self) -> str:
        """The ARN of the source."""
        return self._source.arn

    def read(self, now: float) -> list[SourceRecord]:
        """The next records."""
        for action in READS:
            self._rights.require(self._role(), Need(f"kinesis:{action}", self._source.arn))
        return self._source.read(now)

    def behind(self, now: float) -> bool:
        """True when there are records that have not been read."""
        return self._source.behind(now)

    @property
    def behind_ms(self) -> int:
        """How far the last read was behind the newest record, at most."""
        return self._source.behind_ms

    def read_to(self, now: float) -> dict[str, int]:
        """By shard, the position up to which it has been read."""
        return self._source.read_to(now)


class WatchedDestinations:
    """Failure destinations whose writes are told."""

    def __init__(self, destinations: FailureDestinations, rights: Rights) -> None:
        self._destinations = destinations
        self._rights = rights

    def write(self, discarded: Discarded, *, destination: str, mapping_uuid: str) -> None:
        """Writes with the rights of the function's role."""
        action, resource = {
            "s3": ("s3:PutObject", f"{destination}/aws/lambda/{mapping_uuid}/"),
            "sqs": ("sqs:SendMessage", destination),
            "sns": ("sns:Publish", destination),
        }.get(destination.split(":")[2], ("", ""))
        if action:
            self._rights.require(discarded.origin.role_arn, Need(action, resource))
        self._destinations.write(discarded, destination=destination, mapping_uuid=mapping_uuid)


class WatchedLog:
    """Functions' output; that it is written is told. Without the right none is kept."""

    def __init__(self, log: Log, rights: Rights, where: Where) -> None:
        self._log = log
        self._rights = rights
        self._where = where
        self.functions: Functions | None = None

    def write(self, group: str, stream: str, lines: Sequence[str]) -> None:
        """Adds lines to a stream, with the rights of the function's role."""
        roles = set()
        if self.functions is not None:
            settings = [self.functions.get(name).settings for name in self.functions.names()]
            roles = {one.role for one in settings if one.log_group_name == group}
        resource = self._where.arn("logs", f"log-group:{group}:log-stream:{stream}")
        for role in roles:
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                granted = self._rights.uses(role, Need(action, resource)).allowed
                if self._rights.enforced and not granted:
                    return
        self._log.write(group, stream, lines)


class Watch(Rights):
    """The rights that a twin's parts and callers use. Each method gives a part that tells what it does."""

    def __init__(self, moto: MotoBackend, where: Where, *, enforced: bool) -> None:
        super().__init__(moto, where, enforced=enforced)
        self._delivering = Roles()
        self._logging: WatchedLog | None = None
        self.made = self._delivering.made

    def log(self, log: Log) -> Log:
        """Where functions' output goes."""
        self._logging = WatchedLog(log, self, self.where)
        return self._logging

    def destinations(self, destinations: FailureDestinations) -> FailureDestinations:
        """Where discarded batches are written."""
        return WatchedDestinations(destinations, self)

    def ports(self, ports: Ports) -> Ports:
        """What delivery streams reach outside by."""
        return WatchedPorts(
            ports.objects,
            ports.catalog,
            ports.call,
            ports.names,
            ports.meter,
            ports.guard,
            rights=self,
            where=self.where,
            roles=self._delivering,
        )

    def source(self, source: Source, name: str) -> Source:
        """What the delivery stream of that name reads from."""
        return WatchedSource(source, self, lambda: self._delivering.source(name))

    def _reads_queue(self, role: str, queue: str) -> None:
        for action in READS_QUEUE:
            for need in self.with_keys(Need(action, queue)):
                self.uses(role, need)

    def gateway(self, policy_of: Callable[[str], Policy | None]) -> GatewayRights:
        """What REST APIs ask before they act; by functions' ARNs their own policies."""
        return GatewayRights(self, policy_of)

    def door(
        self,
        application: "WSGIApplication",
        functions: Functions,
        mappings: EventSourceDriver,
        streams: Streams,
        more: Callable[[], Iterable[str]] = tuple,
        queues: QueueMappings | None = None,
    ) -> "WSGIApplication":
        """What answers calls; the functions and mappings of the same twin tell what they do from now on.

        Args:
            more: roles beside those of functions that calls are signed as.
            queues: the mappings that read queues.
        """
        self.keys.of_stream = lambda name: _key_of(streams, name)
        self.roles = lambda: [*(functions.get(name).settings.role for name in functions.names()), *more()]
        if self._logging is not None:
            self._logging.functions = functions

        def reads(role: str, stream: str) -> None:
            for action in READS:
                for need in self.with_keys(Need(f"kinesis:{action}", stream)):
                    self.uses(role, need)

        mappings.reads = reads
        if queues is not None:
            queues.reads = self._reads_queue
        return GuardedDoor(application, self)


def _key_of(streams: Streams, name: str) -> str:
    try:
        return streams.get(name).key_id or ""
    except ApiError:
        return ""  # the call itself is answered with that

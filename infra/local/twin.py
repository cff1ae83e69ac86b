"""The twin: every service the pipeline stands on, in this process, behind one loopback port, made from the template."""

import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from infra.certificate import Certificate
from infra.local.apigateway.api import ApiGatewayApi
from infra.local.athena.api import AthenaApi
from infra.local.athena.processes import QUERY_SECONDS, Processes
from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.destinations import AwsDestinations, FailureDestinations
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions
from infra.local.awslambda.functions_api import LambdaApi
from infra.local.awslambda.queues_api import QueueMappings
from infra.local.baseline import Baseline, Services
from infra.local.cbor import CborDoor
from infra.local.clock import Clock, SystemClock
from infra.local.cloudformation.change_sets import ChangeSets
from infra.local.cloudformation.cloudformation import Stack, StackApi, StackResource
from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.provision import Place, provision, read_template
from infra.local.cloudwatch.queues import QueueCounting
from infra.local.cloudwatch.service import CloudWatch
from infra.local.codedeploy.api import CodeDeployApi
from infra.local.control import Control
from infra.local.defaults import ACCOUNT_ID, REGION, STACK_NAME
from infra.local.durable.requests import AGAIN
from infra.local.dynamodb import ItemWrites, named_table
from infra.local.eventbridge import EventBuses
from infra.local.faults import TOOL_KEY, FaultyDoor
from infra.local.firehose.api import FirehoseApi
from infra.local.firehose.driver import DeliveryStreamDriver, Ports, calling
from infra.local.firehose.limits import PutFaults
from infra.local.firehose.source import KinesisSource, Source
from infra.local.front import Front, asking
from infra.local.heap import share_arenas
from infra.local.kept import Kept
from infra.local.keys import make_named_keys
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.iterators import stream_of
from infra.local.kinesis.segments import Segments
from infra.local.kinesis.streams import Streams
from infra.local.logs import FunctionLogs
from infra.local.moto_backend import MotoBackend
from infra.local.own_clients import OwnClients
from infra.local.server import LoopbackServer
from infra.local.status import Status
from infra.local.stores import GlueCatalog, S3Store
from infra.local.subscriptions import Subscriptions
from infra.local.tagging import TaggedResources
from infra.local.testbed import Testbed
from infra.local.watching import Watch
from infra.rights.needs import Where

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from infra.local.athena.engine import QueryEngine

# moto's backends belong to the process: a second twin would find the first one's buckets.
_one_twin = threading.Lock()


class Twin:
    """A running stack of ``infra/aws/template.yaml`` on 127.0.0.1.

    Args:
        parameters: values of the template's parameters; the others take their defaults.
        port: 0 takes any free one.
        stack_name: as in ``sam deploy --stack-name``.
        region: what the twin says that it is.
        template: another template than the project's.
        template_folder: where that template lies, from which the code of its functions is taken.
        on_made: called after each resource that was made, for a progress bar.
        put_faults: decides which records a delivery stream turns away, for tests of what a client does then.
        query_seconds: how long one of Athena's queries may run.
        data: a folder of this process (``DataFolder``) in which everything outlives the twin; None keeps nothing.
        certificate: with it, a second port speaks TLS.
        tls_port: 0 takes any free one.
        testbed: lets tests empty the twin, move its clock, switch faults on and see invocations; not with ``data``.
        rights: ``recorded`` notes which rights roles use, ``enforced`` also refuses what the stack does not grant.

    Raises:
        RuntimeError: another twin runs in this process (on ``start``).
        OSError: the port is taken.
        StoreError: what lies in the folder cannot be read.
        TemplateError: what the template asks for cannot be made here (on ``start``).

    Example::

        with Twin(parameters={"ShardCount": 4}) as twin:
            kinesis = twin.client("kinesis")
            kinesis.put_records(StreamName=twin.outputs["ContentStreamName"], Records=[...])
            twin.drain(60)
    """

    def __init__(
        self,
        *,
        parameters: Mapping[str, object] | None = None,
        port: int = 0,
        stack_name: str = STACK_NAME,
        region: str = REGION,
        template: Template | None = None,
        template_folder: Path | None = None,
        on_made: Callable[[StackResource], None] | None = None,
        put_faults: PutFaults | None = None,
        query_seconds: float = QUERY_SECONDS,
        data: Path | None = None,
        certificate: Certificate | None = None,
        tls_port: int = 0,
        testbed: Testbed | None = None,
        rights: Literal["recorded", "enforced"] | None = None,
    ) -> None:
        self.region = region
        self._parameters = dict(parameters or {})
        self._stack_name = stack_name
        self._template = template
        self._template_folder = template_folder
        self._on_made = on_made
        self._testbed = testbed
        self._clock: Clock = testbed.clock if testbed else SystemClock()
        self._clients = OwnClients(region)
        self._stack: Stack | None = None
        self._ready = False
        self._running = False
        self.left_out: list[str] = []
        """What could not be brought back from the folder, a line each."""

        share_arenas()
        # The port first: a taken one is said before anything is made, and the functions are given the address.
        self._server = LoopbackServer(port=port, certificate=certificate, tls_port=tls_port)
        self.endpoint_url = self._server.url
        self.tls_url = self._server.tls_url
        """The same over TLS; None without a certificate."""
        self.moto = MotoBackend(account_id=ACCOUNT_ID, region=region)
        self._kept = Kept(data, self.moto) if data is not None else None
        kept = self._kept
        self.objects = S3Store(self.moto)
        self.catalog = GlueCatalog(self.moto, note=kept.requests.note if kept else None)
        self.change_sets = ChangeSets(
            Place(client=self.client, account_id=ACCOUNT_ID, region=region),
            clock=self._clock.now,
            fetch=self.objects.get,
            refuses="a runtime that keeps its data in a folder makes no other stacks: start it without --data"
            if data is not None
            else "",
        )
        self.stacks = StackApi(self.change_sets)
        self.cloudwatch = CloudWatch(
            account=ACCOUNT_ID,
            region=region,
            clock=self._clock,
            publish=self._publish,
            ahead=lambda: testbed.clock.offset if testbed else 0.0,
        )
        meter = self.cloudwatch.meter
        guard = testbed.faults.refuse if testbed else _no_guard
        self.streams = Streams(
            account=ACCOUNT_ID, region=region, log=kept.log if kept else None, meter=meter, segments=Segments(data)
        )
        self.logs = FunctionLogs(self.moto, self._clock, written=self.cloudwatch.lines)
        self.rights = None if rights is None else Watch(self.moto, self._where(), enforced=rights == "enforced")
        """The rights that were used; None when nobody looks."""
        log = self.logs if self.rights is None else self.rights.log(self.logs)
        self.functions: Functions = (testbed.functions if testbed else Functions)(
            account=ACCOUNT_ID, region=region, endpoint_url=self.endpoint_url, log=log, meter=meter
        )
        destinations: FailureDestinations = AwsDestinations(self.client)
        self.mappings = EventSourceDriver(
            streams=self.streams,
            functions=self.functions,
            destinations=destinations if self.rights is None else self.rights.destinations(destinations),
            clock=self._clock,
            # AWS waits up to a minute between the tries of a failing batch; nobody sits by that long here.
            backoff_scale=0.1,
            # They wait for the functions' processes, and one function's must not keep another's from running.
            workers=16,
            checkpoints=kept.checkpoints if kept else None,
            meter=meter,
            guard=guard,
        )
        ports = Ports(
            objects=self.objects,
            catalog=self.catalog,
            call=calling(self.functions),
            meter=meter,
            guard=guard,
        )
        self.deliveries = DeliveryStreamDriver(
            ports if self.rights is None else self.rights.ports(ports),
            self._clock,
            journal=kept.journal if kept else None,
        )
        self.streams.watchers += [self.mappings.wake, self.deliveries.wake]
        self._query_processes = Processes()
        self._query_seconds = query_seconds
        self.athena = AthenaApi(
            objects=self.objects,
            catalog=self.catalog,
            clock=self._clock,
            engine=self._query_engine,
            note=kept.requests.note if kept else None,
        )
        self.status = Status(
            stack_name=stack_name,
            region=region,
            stack=lambda: self._stack if self._ready else None,
            clock=self._clock,
            mappings=self.mappings,
            deliveries=self.deliveries,
            functions=self.functions,
            alarms=self.cloudwatch.not_ok,
            failure=lambda: kept.store.failure if kept else None,
        )
        self._queue_counting = QueueCounting(self.moto, meter, self._clock)
        self.cloudwatch.gauges += [self.deliveries.count, self._queue_counting.gauges]
        self._queues_read = QueueMappings(self.moto, self.client, self.functions, self._clock)
        self._lambda = LambdaApi(
            self.functions,
            EventSourceApi(self.mappings, self.functions, self.streams, self._queues_read),
            self._clock,
            fetch=self.objects.get,
        )
        items = ItemWrites(self.moto)
        tagged = TaggedResources(self.moto, self.streams, account=ACCOUNT_ID, region=region)
        kinesis = KinesisApi(self.streams, self._clock)
        self._firehose = FirehoseApi(
            self.deliveries,
            open_source=self._open_source,
            account=ACCOUNT_ID,
            region=region,
            faults=put_faults,
        )
        self._subscriptions = Subscriptions(
            self.moto,
            self.functions,
            put_firehose=lambda name, data, _: self._firehose.call(
                "PutRecord", {"DeliveryStreamName": name, "Record": {"Data": b64encode(data).decode()}}
            ),
            put_kinesis=lambda name, data, key: kinesis.call(
                "PutRecord", {"StreamName": name, "Data": b64encode(data).decode(), "PartitionKey": key}
            ),
        )
        self.mappings.beside += [self._subscriptions, self._queues_read]
        self._gateway = ApiGatewayApi(
            account=ACCOUNT_ID,
            region=region,
            clock=self._clock,
            ask=lambda role, target, body: asking(self._door, self.region)(role, target, body),
            invoke=self._invoke,
            log=self._log_request,
            keys=self.moto.user_pool_keys,
            meter=meter,
            guard=None if self.rights is None else self.rights.gateway(self._lambda.policy_of),
        )
        self.deployments = CodeDeployApi(
            self.functions,
            alarming=self.cloudwatch.alarming,
            clock=self._clock,
            uses=(lambda role, need: None) if self.rights is None else self.rights.require,
        )
        self._front = Front(
            self.moto,
            apis={
                "kinesis": kinesis,
                "firehose": self._firehose,
                "athena": self.athena,
                "codedeploy": self.deployments,
            },
            functions=self._lambda,
            gateway=self._gateway,
            stacks=self.stacks,
            control=Control(self.status, testbed, self.deliveries.newest),
            shortcuts={
                "AWSEvents.PutEvents": EventBuses(self.moto, self._clock, meter=meter).put_events,
                "DynamoDB_20120810.Query": named_table,
                "DynamoDB_20120810.UpdateItem": items.update_item,
                "ResourceGroupsTaggingAPI_20170126.GetResources": tagged.get_resources,
                "DynamoDB_20120810.BatchExecuteStatement": items.batch_execute_statement,
                **self.cloudwatch.shortcuts(),
            },
            subscribers={"Kinesis_20131202.SubscribeToShard": kinesis.fan_out.subscribe},
            forms={"monitoring": self.cloudwatch.form},
            admits=lambda environ: self._ready or AGAIN in environ or self._clients.made(environ),
            recorder=kept.requests if kept else None,
        )
        self._door: WSGIApplication = self._front
        if testbed is not None:
            self._door = FaultyDoor(self._front, testbed.faults, exempt=self._is_exempt)
        if self.rights is not None:
            self._door = self.rights.door(
                self._door, self.functions, self.mappings, self.streams, self._gateway.roles, self._queues_read
            )

    def _query_engine(self) -> "QueryEngine":
        from infra.local.athena.isolated import IsolatedEngine

        return IsolatedEngine(
            objects=self.objects, catalog=self.catalog, seconds=self._query_seconds, processes=self._query_processes
        )

    def _open_source(self, name: str, arn: str, since: float) -> Source:
        positions = self._kept.journal(name).positions() if self._kept else None
        refuse = self._testbed.faults.refuse if self._testbed else _no_guard
        source = KinesisSource(
            self.streams,
            arn,
            started=since,
            positions=positions,
            guard=lambda: refuse("kinesis.GetRecords", name),
        )
        return source if self.rights is None else self.rights.source(source, name)

    def _publish(self, topic: str, subject: str, message: str) -> None:
        self.client("sns").publish(TopicArn=topic, Subject=subject, Message=message)

    def _invoke(self, arn: str, event: Mapping[str, Any]) -> Any:
        return msgspec.json.decode(calling(self.functions)(arn, msgspec.json.encode(event)))

    def _log_request(self, destination: str, line: str) -> None:
        """A line of an API's access log, to the log group or the delivery stream that its stage names."""
        if ":log-group:" in destination:
            self.logs.write(destination.split(":log-group:")[1].removesuffix(":*"), "access", [line])
            return
        name = destination.rpartition("/")[2]
        data = b64encode(line.encode()).decode()
        self._firehose.call("PutRecord", {"DeliveryStreamName": name, "Record": {"Data": data}})

    def _where(self) -> Where:
        def lookup(kind: str, name: str) -> str:
            if kind == "iterator":
                return stream_of(name)
            if kind == "deployment":
                return self.deployments.group_of(name)
            return self.athena.group_of(name) if kind == "query" else "*"

        return Where(ACCOUNT_ID, self.region, lookup)

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> Self:
        """Serves, makes the stack, brings back what was kept, and polls. Takes a few seconds."""
        if not _one_twin.acquire(blocking=False):
            self._server.stop()
            raise RuntimeError("another twin runs in this process; stop it first, or start a process of its own")
        self._running = True
        try:
            self.moto.reset()
            self.moto.warm()
            make_named_keys(self.moto, self._parameters, self._where(), self._stack_name)
            self._subscriptions.start()
            self.moto.watch_queues(self._queue_counting)
            if self._kept:
                self._kept.streams(self.streams, now=self._clock.now())
            self._server.start(CborDoor(self._door))
            self._stack = provision(
                self._template or read_template(),
                Place(client=self.client, account_id=ACCOUNT_ID, region=self.region),
                now=self._clock.now(),
                parameters=self._parameters,
                stack_name=self._stack_name,
                folder=self._template_folder,
                on_made=self._on_made,
            )
            self.stacks.stand(self._stack)
            if self._kept:
                self.left_out = self._kept.rest(self.streams, self._front)
                self._kept.start()
            self.mappings.start()
            self.deliveries.start()
            self.cloudwatch.watch.start()
            self.deployments.start()
            self._query_processes.warm()
            if self._testbed:
                self._testbed.begin(self._baseline(), look=self._look)
            self._ready = True
        except BaseException:
            self.stop()
            raise
        return self

    def _look(self) -> None:
        self.deliveries.step()
        self.mappings.look()
        self.cloudwatch.watch.look()
        self.deployments.look()

    def _is_exempt(self, environ: "WSGIEnvironment") -> bool:
        return self._clients.made(environ) or f"Credential={TOOL_KEY}/" in str(environ.get("HTTP_AUTHORIZATION", ""))

    def _baseline(self) -> Baseline:
        return Baseline(
            Services(
                clock=self._clock,
                streams=self.streams,
                functions=self.functions,
                mappings=self.mappings,
                deliveries=self.deliveries,
                firehose=self._firehose,
                logs=self.logs,
                moto=self.moto,
                cloudwatch=self.cloudwatch,
                open_source=self._open_source,
            )
        )

    def stop(self) -> None:
        """Ends everything; without a folder, what was in it is gone. Calling it twice is fine."""
        if not self._running:
            return
        self._running = False
        try:
            self.athena.close()
            self._query_processes.close()
            self.deployments.stop()
            self.cloudwatch.watch.stop()
            self._queues_read.close()
            self._subscriptions.stop()
            self.mappings.stop()
            self.deliveries.stop()
            self._lambda.close()
            self._server.stop()
            if self._kept:
                self._kept.close()
            self.moto.unwatch()
            self.moto.reset()
        finally:
            _one_twin.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ------------------------------------------------------------------------------------------------ use

    @property
    def outputs(self) -> Mapping[str, str]:
        """The template's outputs by name."""
        return dict(self.stack.outputs)

    @property
    def stack(self) -> Stack:
        """The stack.

        Raises:
            RuntimeError: before ``start``.
        """
        if self._stack is None:
            raise RuntimeError("the twin has not started: use it in a with statement, or call start()")
        return self._stack

    def client(self, service: str) -> Any:
        """A boto3 client of this twin, one per service, for any thread."""
        return self._clients.of(service, self.endpoint_url)

    def idle(self) -> bool:
        """Whether nothing is in flight: every record is checkpointed and everything delivered is in S3."""
        return self.status.idle()

    def drain(self, timeout: float = 60.0) -> dict[str, Any]:
        """Lands what is in flight, as ``Status.drain`` says."""
        return self.status.drain(timeout)

    def state(self) -> dict[str, Any]:
        """What is in flight and what was done, as ``Status.state`` says."""
        return self.status.state()

    def health(self) -> dict[str, Any]:
        """Whether the stack stands, as ``Status.health`` says."""
        return self.status.health()


def _no_guard(call: str, by: str, where: str = "") -> None:
    """Passes: only tests switch refusals on."""

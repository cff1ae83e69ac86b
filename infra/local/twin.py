"""The twin: every service the pipeline stands on, in this process, behind one loopback port, made from the template."""

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from infra.local.athena.api import AthenaApi
from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.destinations import AwsDestinations
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions
from infra.local.awslambda.functions_api import LambdaApi
from infra.local.clock import Clock, SystemClock
from infra.local.cloudformation.cloudformation import Stack, StackApi, StackResource
from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.provision import STACK_NAME, Place, provision, read_template
from infra.local.control import Control
from infra.local.dynamodb import ItemWrites
from infra.local.eventbridge import EventBuses
from infra.local.firehose.api import FirehoseApi
from infra.local.firehose.driver import DeliveryStreamDriver, Ports, calling
from infra.local.firehose.limits import PutFaults
from infra.local.firehose.source import KinesisSource
from infra.local.front import Front
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.streams import Streams
from infra.local.moto_backend import ACCOUNT_ID, Beneath
from infra.local.server import LoopbackServer
from infra.local.stores import GlueCatalog, S3Store

REGION = "us-east-1"

# moto's backends belong to the process: a second twin would find the first one's buckets.
_one_twin = threading.Lock()

_DRAIN_STEP_SECONDS = 0.02


class Twin:
    """A running stack of ``infra/aws/template.yaml`` on 127.0.0.1.

    Args:
        parameters: values of the template's parameters; the others take their defaults.
        port: 0 takes any free one.
        stack_name: as in ``sam deploy --stack-name``.
        region: what the twin says that it is.
        template: another template than the project's.
        on_made: called after each resource that was made, for a progress bar.
        put_faults: decides which records a delivery stream turns away, for tests of what a client does then.

    Raises:
        RuntimeError: another twin runs in this process (on ``start``).
        OSError: the port is taken.
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
        on_made: Callable[[StackResource], None] | None = None,
        put_faults: PutFaults | None = None,
    ) -> None:
        self.region = region
        self._parameters = dict(parameters or {})
        self._stack_name = stack_name
        self._template = template
        self._on_made = on_made
        self._clock: Clock = SystemClock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        self._draining = threading.Lock()
        self._stack: Stack | None = None
        self._running = False
        self._started_at = 0.0

        self.beneath = Beneath(account_id=ACCOUNT_ID, region=region)
        self.objects = S3Store(self.beneath)
        self.catalog = GlueCatalog(self.beneath)
        self.stacks = StackApi()
        self.streams = Streams(account=ACCOUNT_ID, region=region)
        self._front = Front(self.beneath, stacks=self.stacks, control=Control(self))
        self._server = LoopbackServer(self._front, port=port)
        self.endpoint_url = self._server.url
        self.functions = Functions(account=ACCOUNT_ID, region=region, endpoint_url=self.endpoint_url)
        self.mappings = EventSourceDriver(
            streams=self.streams,
            functions=self.functions,
            destinations=AwsDestinations(self.client),
            clock=self._clock,
            # AWS waits up to a minute between the tries of a failing batch; nobody sits by that long here.
            backoff_scale=0.1,
            # All handlers share one interpreter: more of them at a time only take turns, and turns cost.
            workers=4,
        )
        self.deliveries = DeliveryStreamDriver(
            Ports(objects=self.objects, catalog=self.catalog, call=calling(self.functions)), self._clock
        )
        self.athena = AthenaApi(objects=self.objects, catalog=self.catalog, clock=self._clock)
        items = ItemWrites(self.beneath)
        self._front.serve(
            apis={
                "kinesis": KinesisApi(self.streams, self._clock),
                "firehose": FirehoseApi(
                    self.deliveries,
                    open_source=lambda arn, since: KinesisSource(self.streams, arn, started=since),
                    account=ACCOUNT_ID,
                    region=region,
                    faults=put_faults,
                ),
                "athena": self.athena,
            },
            functions=LambdaApi(
                self.functions, EventSourceApi(self.mappings, self.functions, self.streams), self._clock
            ),
            shortcuts={
                "AWSEvents.PutEvents": EventBuses(self.beneath, self._clock).put_events,
                "DynamoDB_20120810.UpdateItem": items.update_item,
                "DynamoDB_20120810.BatchExecuteStatement": items.batch_execute_statement,
            },
        )

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> Self:
        """Serves, makes the stack, and polls. Takes a few seconds."""
        if not _one_twin.acquire(blocking=False):
            self._server.stop()
            raise RuntimeError("another twin runs in this process; stop it first, or start a process of its own")
        self._running = True
        try:
            self._started_at = self._clock.now()
            self.beneath.reset()
            self.beneath.warm()
            self._server.start()
            self.mappings.start()
            self.deliveries.start()
            self._stack = provision(
                self._template or read_template(),
                Place(client=self.client, account_id=ACCOUNT_ID, region=self.region),
                now=self._clock.now(),
                parameters=self._parameters,
                stack_name=self._stack_name,
                on_made=self._on_made,
            )
            self.stacks.stand(self._stack)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends everything; what was in it is gone. Calling it twice is fine."""
        if not self._running:
            return
        self._running = False
        try:
            self.athena.close()
            self.mappings.stop()
            self.deliveries.stop()
            self._server.stop()
            self.beneath.reset()
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
        import boto3
        from botocore.config import Config

        with self._clients_lock:
            if self._session is None:
                # One for all: a session reads the SDK's data files once.
                self._session = boto3.Session(
                    aws_access_key_id="test",
                    aws_secret_access_key="test",  # noqa: S106 - a twin asks for none
                    region_name=self.region,
                )
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self.endpoint_url,
                    config=Config(
                        # A mistake must show here at once, and nothing on this machine is far away.
                        retries={"total_max_attempts": 1},
                        s3={"addressing_style": "path"},
                        proxies={},
                    ),
                )
            return self._clients[service]

    # ------------------------------------------------------------------------------------------------ control

    def health(self) -> dict[str, Any]:
        """Whether the stack stands, and since when."""
        return {
            "status": "ready" if self._stack else "starting",
            "stack": self._stack_name,
            "region": self.region,
            "up_seconds": round(self._clock.now() - self._started_at, 3),
        }

    def state(self) -> dict[str, Any]:
        """What is in flight and what was done: by mapping, by delivery stream."""
        return {
            **self.health(),
            "outputs": dict(self._stack.outputs) if self._stack else {},
            "mappings": self.mappings.progress(),
            "delivery_streams": self.deliveries.state(),
        }

    def idle(self) -> bool:
        """Whether nothing is in flight: every record is checkpointed and everything delivered is in S3."""
        return self.mappings.idle() and self.deliveries.idle()

    def drain(self, timeout: float = 60.0) -> dict[str, Any]:
        """Lands what is in flight, without waiting for windows and buffers.

        Args:
            timeout: seconds after which it gives up.

        Returns:
            ``drained`` (False when time ran out), ``seconds``, and the ``state`` at the end.
        """
        started = time.monotonic()
        with self._draining:
            while True:
                self.mappings.flush()
                if self.mappings.idle():
                    # Only now: what a function puts while it runs must be in the buffers that are flushed.
                    self.deliveries.flush()
                    if self.idle():
                        break
                if time.monotonic() - started >= timeout:
                    break
                time.sleep(_DRAIN_STEP_SECONDS)
            return {
                "drained": self.idle(),
                "seconds": round(time.monotonic() - started, 3),
                "state": self.state(),
            }

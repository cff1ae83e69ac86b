"""What lies beneath our own services: moto's backends, in this process, behind one WSGI application."""

import json
import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACCOUNT_ID = "000000000000"

# Loaded and called once while the twin starts, so that no user's first call pays for the import.
SERVICES = ("s3", "dynamodb", "events", "sqs", "glue", "iam", "sts", "logs", "cloudwatch", "kms", "sns", "ssm")

# SQS's ReceiveMessage waits inside the call; one lock would keep senders out for as long.
_UNLOCKED = frozenset({"sqs"})


class Beneath:
    """moto as a WSGI application for one account: one call at a time per service, nothing recorded.

    moto's backends are plain dictionaries without locks (its source says so at several places). They hold Python's
    global lock for nearly all of a call anyhow, so taking turns costs nothing and rules the races out.

    Args:
        account_id: 12 digits; every call lands in this account, whatever its access key.
        region: the region of calls that carry none.
    """

    def __init__(self, *, account_id: str = ACCOUNT_ID, region: str = "us-east-1") -> None:
        # The import costs a second and a half: paid by the twin, not by `streamkeeper query`.
        from moto.moto_server import werkzeug_app

        # moto opens itself to every web page (Access-Control-Allow-Origin: *). A page has no business here.
        werkzeug_app.DISABLE_GLOBAL_CORS = True
        self._dispatcher = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        self._account_id = account_id
        self._region = region
        self._locks: dict[str, threading.RLock] = {}
        _forget_instances()
        _leave_out_conditional_statements()
        _close_values_quietly()
        logging.getLogger("botocore.hooks").setLevel(logging.WARNING)

    def warm(self, services: Iterable[str] = SERVICES) -> None:
        """Imports the services' backends and makes their applications."""
        from moto.moto_server.werkzeug_app import create_backend_app

        for service in services:
            with self._dispatcher.lock:
                if service not in self._dispatcher.app_instances:
                    self._dispatcher.app_instances[service] = create_backend_app(service)

    def lock(self, service: str) -> threading.RLock:
        """The lock that every user of a service's backend holds while it works in there."""
        return self._locks.setdefault(service, threading.RLock())

    def backend(self, service: str) -> Any:
        """moto's own backend object of a service in this account; region-bound services in this region."""
        from moto.backends import get_backend

        backends = get_backend(service)[self._account_id]
        return backends["aws"] if "aws" in backends and service in {"s3", "iam", "sts"} else backends[self._region]

    def reset(self) -> None:
        """Empties every backend: a twin starts and ends with nothing."""
        from moto.core.base_backend import BackendDict
        from moto.s3.models import FakeKey

        with self.lock("s3"):
            for bucket in self.backend("s3").buckets.values():
                # moto's own reset closes the newest versions only.
                for name in list(bucket.keys):
                    for version in bucket.keys.getlist(name):
                        if isinstance(version, FakeKey):
                            version.dispose()
            BackendDict.reset()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        application: WSGIApplication = self._dispatcher.get_application(environ)
        service = str(getattr(application, "service", ""))
        if service in _UNLOCKED:
            return application(environ, start_response)
        with self.lock(service):
            return application(environ, start_response)


def _forget_instances() -> None:
    """Stops moto from keeping a reference to every object, item and message ever made.

    It serves moto's dashboard; in a process that runs for days it is a leak of everything.
    """
    from moto.core.common_models import BaseModel

    def new(cls: type[Any], *_args: Any, **_kwargs: Any) -> Any:
        return object.__new__(cls)

    BaseModel.__new__ = staticmethod(new)


def _leave_out_conditional_statements() -> None:
    """Makes moto judge a bucket policy by its unconditional statements.

    moto ignores a statement's Condition, so that "deny what does not come over TLS" denies everything. The loopback
    interface leaves this machine as little as a TLS connection can be read on its way.
    """
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(bucket.policy)
        given = document.get("Statement", [])
        statements = given if isinstance(given, list) else [given]
        document["Statement"] = [statement for statement in statements if not statement.get("Condition")]
        if not document["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def _close_values_quietly() -> None:
    """Lets an object that nobody holds any more close its temporary file, instead of complaining that it was open."""
    from moto.s3.models import FakeKey

    FakeKey.__del__ = FakeKey.dispose

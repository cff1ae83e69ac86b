"""What a trace says of a batch: which policy judged it, and where it lies in the stream. Never what is in it.

A subsegment goes to the X-Ray daemon that Lambda runs beside a traced function, by one datagram; without an SDK, which
would be loaded at each cold start.

Sources: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html,
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html,
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

import hashlib
import re
import socket
from collections.abc import Mapping
from typing import Final

import msgspec

_HEADER: Final = b'{"format":"json","version":1}\n'
_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")
Annotation = str | int


def send_subsegment(
    environment: Mapping[str, str],
    *,
    name: str,
    started: float,
    ended: float,
    annotations: Mapping[str, Annotation],
) -> bool:
    """Whether a subsegment was sent: not without a daemon, nor for an invocation that is not sampled.

    Args:
        environment: the process's, in which Lambda keeps the invocation's trace and the daemon's address.
        name: of the subsegment.
        started, ended: epoch seconds.
        annotations: by key, ids and counts; X-Ray finds traces by them.
    """
    address = environment.get("AWS_XRAY_DAEMON_ADDRESS", "")
    trace = _trace(environment.get("_X_AMZN_TRACE_ID", ""))
    host, _, port = address.rpartition(":")
    if trace is None or not host or not port.isdigit():
        return False
    document = {
        "type": "subsegment",
        "name": name,
        # Another one for each batch, and nothing has to be drawn by lot.
        "id": hashlib.sha256(f"{environment['_X_AMZN_TRACE_ID']} {started} {annotations}".encode()).hexdigest()[:16],
        "trace_id": trace[0],
        "parent_id": trace[1],
        "start_time": started,
        "end_time": ended,
        "annotations": annotations,
    }
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.sendto(_HEADER + msgspec.json.encode(document), (host, int(port)))
    except (OSError, OverflowError):
        return False  # a batch does not wait for its trace, nor fail for it
    return True


def _trace(header: str) -> tuple[str, str] | None:
    """Root and parent of a trace that is sampled, from what Lambda gives; None for any other.

    >>> _trace("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0")
    ('1-5759e988-bd862e3fe1be46a994272793', '53995c3f42cd8ad8')
    >>> _trace("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
    """
    given = dict(one.partition("=")[::2] for one in header.split(";"))
    root, parent = given.get("Root", ""), given.get("Parent", "")
    if given.get("Sampled") != "1" or not _ROOT.fullmatch(root) or not _PARENT.fullmatch(parent):
        return None
    return root, parent

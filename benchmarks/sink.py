"""A process that answers PutRecordBatch, PutEvents, UpdateItem and BatchExecuteStatement as if all went well.

It does nothing else, so that a client's own cost can be measured: endpoint by configuration, everything else is real.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SERVE = r"""
import socket, sys, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
RECORD, EVENT = b'{"RecordId":"' + b"r" * 200 + b'"}', b'{"EventId":"00000000-0000-7000-8000-000000000000"}'
KINDS = {
    b"putrecordbatch": (b'"Data"', b'{"FailedPutCount":0,"RequestResponses":[%s]}', RECORD),
    b"putevents": (b'"Detail"', b'{"FailedEntryCount":0,"Entries":[%s]}', EVENT),
    b"batchexecutestatement": (b'"Statement"', b'{"Responses":[%s]}', b'{"TableName":"statuses"}'),
    b"updateitem": (b"", b"{%s}", b""),
}
def serve(connection):
    data = bytearray()
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            chunk = connection.recv(1 << 20)
            if not chunk:
                return
            data += chunk
        head = bytes(data[:end]).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(data) < end + 4 + length:
            data += connection.recv(1 << 20)
        target = head.split(b"x-amz-target:")[1].split(b"\r\n")[0].strip().rpartition(b".")[2]
        mark, frame, one = KINDS[target]
        body = frame % b",".join([one] * data.count(mark, end) if mark else [])
        del data[: end + 4 + length]
        connection.sendall(HEAD % len(body) + body)
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_MAX_ATTEMPTS": "1",
}


@contextmanager
def sink() -> Iterator[None]:
    """As long as it lasts, clients that are made reach the sink."""
    process = subprocess.Popen([sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    before = dict(os.environ)
    os.environ.update(_ENVIRONMENT, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        process.terminate()
        process.wait()

"""A producer that is meant to be killed: threads put events through a spool and write down each id that was accepted.

``python -m benchmarks.mortal_producer STREAM SPOOL ACCEPTED ROUND``: an id is in the file ACCEPTED, synced, only after
``put`` has returned.
"""

import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from glue.codec import encode
from glue.contract import ContentEvent
from glue.system_clock import SystemClock
from producers.aws.kinesis import KinesisStream
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.partitioning import partition_key
from producers.ports import OutRecord
from producers.spool.spool import Spool

THREADS = 4


def event(name: str) -> OutRecord:
    """A valid event whose id follows from its name."""
    event_id = str(uuid5(NAMESPACE_URL, name))
    now = datetime.now(UTC)
    content = ContentEvent(event_id, f"post-{event_id}", f"author-{event_id[:2]}", "forum", now, f"No. {name}")
    return OutRecord(event_id, partition_key(content.content_id), encode(content))


def main(stream: str, folder: str, accepted: str, number: str) -> None:
    """Puts until it is killed."""
    with Spool(Path(folder), max_bytes=64 * 2**20, segment_bytes=256 * 1024) as spool:
        for corrupt in spool.opened.corrupt:
            print(corrupt, file=sys.stderr, flush=True)
        settings = DeliverySettings(linger=0.05, keep_ids=False)
        delivery = open_delivery(KinesisStream(stream), clock=SystemClock(), settings=settings, spool=spool)
        descriptor = os.open(accepted, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def work(worker: int) -> None:
            count = 0
            while True:
                record = event(f"{number}/{worker}/{count}")
                delivery.put(record)
                os.write(descriptor, f"{record.event_id}\n".encode())
                os.fsync(descriptor)
                count += 1

        print("ready", flush=True)
        workers = [threading.Thread(target=work, args=(worker,)) for worker in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

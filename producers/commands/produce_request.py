"""What ``produce`` is asked for: its options, and the request that they make."""

from pathlib import Path

import click
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.readers.formats import Format, Reading
from glue.readers.times import TimeUnit
from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.reading import READING
from glue.terminal.requests import Option
from producers.commands.spool_options import SPOOLING, WAIT
from producers.commands.stack_options import STACK_OPTION, STREAM_OPTION
from producers.delivery.aggregating import DEFAULT_BUCKETS, MAX_BUCKETS
from producers.presets import Preset, describe, preset_names


class ProduceRequest(Struct, frozen=True, kw_only=True):
    """The values of the options, each under the name that click gives it; see their help."""

    from_: str | None = None
    made_up: int | None = None
    pattern: str | None = None
    preset: str | None = None
    form: Format | None = None
    items: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    maps: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    shift_time: bool = False
    time_unit: TimeUnit | None = None
    time_format: str | None = None
    assume_utc: bool = False
    as_of: Moment | None = None
    source: str | None = None
    keep_author: bool = False
    pseudonym_key: str | None = None
    rejects: Path | None = None
    allow_rejects: bool = False
    seed: int = 1
    malformed: float | None = None
    limit: int | None = None
    rate: float | None = None
    in_flight: int = 4
    aggregate: bool = False
    buckets: int = DEFAULT_BUCKETS
    spool: Path | None = None
    spool_size: str = ""
    spool_wait: float = WAIT
    dry_run: bool = False
    stream: str | None = None
    stack: str = "streamkeeper"
    deferred: bool = False
    delivery_stream: str | None = None
    api: str | None = None
    api_key: str | None = None
    as_json: bool = False

    def reading(self, preset: Preset | None) -> Reading:
        """How the source is read.

        Raises:
            ValueError: an option says what it must not; the text names it.
        """
        return Reading(
            form=self.form,
            fallback=preset.form if preset is not None else None,
            items=self.items or (preset.items if preset is not None else None),
            encoding=self.encoding,
            delimiter=self.delimiter,
            leave_out=frozenset(self.leave_out),
        )


def _list_presets(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(describe())
        context.exit()


AGGREGATION: tuple[Option, ...] = (
    click.option("--aggregate", is_flag=True, help="Many events in one Kinesis record (KPL format): cheaper, later."),
    click.option(
        "--buckets",
        type=click.IntRange(1, MAX_BUCKETS),
        default=DEFAULT_BUCKETS,
        show_default=True,
        help="With --aggregate: into how many partition keys events are collected, a power of two; 8 a shard or more.",
    ),
)

OPTIONS: tuple[Option, ...] = (
    click.option(
        "--from",
        "from_",
        metavar="FILE|FOLDER|s3://BUCKET/PREFIX|-",
        help="JSON lines, a JSON document, CSV, TSV, Parquet, a server-sent stream or a chat log, also packed (gzip, "
        "bzip2, xz, zstandard); of a folder or prefix every file; - is standard input.",
    ),
    click.option("--pattern", metavar="GLOB", help="Which files of a folder or prefix, such as '*.jsonl.gz'."),
    click.option("--preset", type=click.Choice(preset_names()), help="What the columns of a public stream mean."),
    click.option(
        "--list-presets",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_list_presets,
        help="Describe each preset, and exit.",
    ),
    *READING,
    click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column is which field."),
    click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value on every event."),
    click.option(
        "--default", "defaults", multiple=True, metavar="FIELD=VALUE", help="A value for rows that have none."
    ),
    click.option(
        "--leave-out", multiple=True, metavar="COLUMN", help="A column that is not kept with the event; repeatable."
    ),
    click.option(
        "--shift-time",
        is_flag=True,
        help="Move times so that the last one is now (squeezed in proportion if they span over 29 days); the original "
        "stays as source_created_at. Reads a file twice; standard input goes through a temporary file.",
    ),
    click.option("--time-unit", type=click.Choice(["s", "ms", "us", "ns"]), help="The unit of numbers in created_at."),
    click.option(
        "--time-format",
        metavar="FORM",
        help="How times are written when that is ambiguous: month-first, day-first, rfc2822, ctime, go, dotnet, "
        "pandas, or a pattern such as '%d/%m/%Y %H:%M'.",
    ),
    click.option("--assume-utc", is_flag=True, help="Take times without a zone as UTC."),
    click.option(
        "--as-of",
        type=MOMENT,
        metavar="TIME",
        help=f"What now means: {MOMENT_HELP}. The same one makes the same events again.",
    ),
    click.option("--source", metavar="NAME", help="Name of the data in the ids that are made; else the file's name."),
    click.option("--keep-author", is_flag=True, help="Keep an author id that was hashed, as source_author_id."),
    click.option(
        "--pseudonym-key",
        envvar="STREAMKEEPER_PSEUDONYM_KEY",
        help="Secret that author hashes depend on; better given as STREAMKEEPER_PSEUDONYM_KEY.",
    ),
    click.option(
        "--rejects",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File for rows that are not events and ids that were not taken; else NAME.rejects.jsonl here.",
    ),
    click.option("--allow-rejects", is_flag=True, help="Rejected rows alone do not make the exit code 1."),
    click.option("--synthetic", "made_up", metavar="N", type=click.IntRange(min=0), help="N made-up records instead."),
    click.option("--seed", default=1, show_default=True, help="Another seed makes other content."),
    click.option(
        "--malformed", type=click.FloatRange(0, 0.5), help="Share of made-up records that are broken on purpose."
    ),
    click.option(
        "--limit", type=click.IntRange(min=0), help="Read at most so many rows, not counting those passed over."
    ),
    click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Send at most so many a second."),
    click.option("--in-flight", default=4, show_default=True, type=click.IntRange(1, 64), help="Calls at a time."),
    *AGGREGATION,
    *SPOOLING,
    click.option("--dry-run", is_flag=True, help="Read and check everything, send nothing."),
    STREAM_OPTION,
    STACK_OPTION,
    *AWS_OPTIONS,
    click.option(
        "--deferred",
        is_flag=True,
        help="Straight to Firehose, without the stream: moderated and landed minutes later, in no order.",
    ),
    click.option(
        "--delivery-stream",
        envvar="STREAMKEEPER_DELIVERY_STREAM",
        help="With --deferred: the delivery stream's name; else the stack's.",
    ),
    click.option(
        "--api", metavar="URL", help="By HTTP, to the content API at this address (the stack's output ContentApiUrl)."
    ),
    click.option(
        "--api-key",
        envvar="STREAMKEEPER_API_KEY",
        help="With --api: the key; better given as STREAMKEEPER_API_KEY.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)

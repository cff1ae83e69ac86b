"""What ``--from`` names and the options that go with it, as a data set: a file, a folder, a prefix, standard input."""

from pathlib import Path
from typing import Any

from glue.readers.folder import Folder
from glue.readers.formats import Reading
from glue.readers.sources import Parts, Source
from glue.readers.time_forms import TimeForm
from producers.commands.produce_request import ProduceRequest
from producers.mapping.columns import Place
from producers.mapping.datasets import Dataset
from producers.mapping.fields import Mapping
from producers.presets import Preset, read_preset


def open_input(path: str, *, reading: Reading, pattern: str | None) -> Parts:
    """The source of that name.

    Args:
        path: ``-``, ``s3://bucket/prefix``, a folder or a file.
        reading: how it is read.
        pattern: which files of a folder or prefix.

    Raises:
        SourceError: it cannot be read, or nothing says what it holds.
        ValueError: a pattern for what is one file.
    """
    if path.startswith("s3://"):
        # Imported here: boto3 takes longer to load than --help may.
        from producers.aws.prefix import BucketPrefix

        return BucketPrefix(path, pattern=pattern, reading=reading)
    if path != "-" and Path(path).is_dir():
        return Folder(path, pattern=pattern, reading=reading)
    if pattern is not None:
        raise ValueError(f"--pattern {pattern}: only for a folder or s3://bucket/prefix; {path} is one file")
    return Source(path, reading=reading)


def dataset_of(request: ProduceRequest, *, now: float) -> tuple[str, Dataset, Parts]:
    """The data set that a request describes, its name, and the source to close when all is read.

    Raises:
        SourceError: it cannot be read.
        ValueError: an option says what it must not; the message names it.
    """
    preset = read_preset(request.preset) if request.preset is not None else None
    source = open_input(request.from_ or "-", reading=request.reading(preset), pattern=request.pattern)
    # Several files go by their own names, behind the name that is given.
    name = request.source or ("" if source.is_several else source.name)
    mapping = mapping_of(request, preset, source=name)
    return source.name, Dataset(source, mapping, now=now, shift_time=request.shift_time), source


def mapping_of(request: ProduceRequest, preset: Preset | None, *, source: str) -> Mapping:
    """The mapping that a preset and the options beside it make; an option counts more.

    Raises:
        ValueError: an option says what it must not.
    """
    columns: dict[str, Place] = dict(_pairs("--map", request.maps))
    constants, defaults = _pairs("--set", request.sets), _pairs("--default", request.defaults)
    asked = frozenset(columns)
    leave_out = frozenset(request.leave_out)
    rest: dict[str, Any] = {}
    if preset is not None:
        # What an option says of a field is all that is said of it.
        kept = {name: place for name, place in preset.columns.items() if name not in constants}
        fixed = {name: text for name, text in preset.constants.items() if name not in columns}
        columns, constants = kept | columns, fixed | constants
        defaults = preset.defaults | defaults
        leave_out |= preset.leave_out
        rest = {"namespace": request.source or preset.namespace, "only": preset.only, "loose": preset.loose}
    return Mapping(
        source=source,
        columns=columns,
        constants=constants,
        defaults=defaults,
        time_unit=request.time_unit or (preset.time_unit if preset is not None else None),
        assume_utc=request.assume_utc or (preset is not None and preset.assume_utc),
        time_form=_time_form(request.time_format),
        keep_author=request.keep_author,
        pseudonym_key=(request.pseudonym_key or "").encode()[:64],
        asked=asked,
        leave_out=leave_out,
        **rest,
    )


def _time_form(text: str | None) -> TimeForm | None:
    try:
        return None if text is None else TimeForm(text)
    except ValueError as error:
        raise ValueError(f"--time-format {error}") from None


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"{option} {text!r}; allowed: FIELD=VALUE, such as {option} text=body")
        if name in pairs:
            raise ValueError(f"{option} names {name} twice; allowed: once")
        pairs[name] = value
    return pairs

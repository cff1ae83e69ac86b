"""What ``--from`` names and the options that go with it, as a data set: a file, a folder, a prefix, standard input."""

from pathlib import Path
from typing import Any

from glue.readers.folder import Folder
from glue.readers.sources import Format, Parts, Source
from producers.mapping.columns import Place
from producers.mapping.datasets import Dataset
from producers.mapping.fields import Mapping
from producers.presets import Preset, read_preset


def open_input(path: str, *, form: Format | None, pattern: str | None, preset: Preset | None) -> Parts:
    """The source of that name.

    Args:
        path: ``-``, ``s3://bucket/prefix``, a folder or a file.
        form: what it holds; None goes by names, and then by the preset.
        pattern: which files of a folder or prefix.
        preset: may say what files hold.

    Raises:
        SourceError: it cannot be read, or nothing says what it holds.
        ValueError: a pattern for what is one file.
    """
    fallback = preset.form if preset is not None else None
    if path.startswith("s3://"):
        # Imported here: boto3 takes longer to load than --help may.
        from producers.aws.prefix import BucketPrefix

        return BucketPrefix(path, pattern=pattern, form=form, fallback=fallback)
    if path != "-" and Path(path).is_dir():
        return Folder(path, pattern=pattern, form=form, fallback=fallback)
    if pattern is not None:
        raise ValueError(f"--pattern {pattern}: only for a folder or s3://bucket/prefix; {path} is one file")
    return Source(path, form=form, fallback=fallback)


def dataset_of(given: dict[str, Any], *, now: float) -> tuple[str, Dataset, Parts]:
    """The data set that the options of ``produce`` describe, its name, and the source to close when all is read.

    Raises:
        SourceError: it cannot be read.
        ValueError: an option says what it must not; the message names it.
    """
    preset = read_preset(given["preset"]) if given["preset"] is not None else None
    source = open_input(given["from_"], form=given["form"], pattern=given["pattern"], preset=preset)
    # Several files go by their own names, behind the name that is given.
    name = given["source"] or ("" if source.is_several else source.name)
    mapping = mapping_of(given, preset, source=name)
    return source.name, Dataset(source, mapping, now=now, shift_time=given["shift_time"]), source


def mapping_of(given: dict[str, Any], preset: Preset | None, *, source: str) -> Mapping:
    """The mapping that a preset and the options beside it make; an option counts more.

    Raises:
        ValueError: an option says what it must not.
    """
    columns: dict[str, Place] = dict(_pairs("--map", given["maps"]))
    constants, defaults = _pairs("--set", given["sets"]), _pairs("--default", given["defaults"])
    rest: dict[str, Any] = {}
    if preset is not None:
        # What an option says of a field is all that is said of it.
        kept = {name: place for name, place in preset.columns.items() if name not in constants}
        fixed = {name: text for name, text in preset.constants.items() if name not in columns}
        columns, constants = kept | columns, fixed | constants
        defaults = preset.defaults | defaults
        rest = {
            "namespace": given["source"] or preset.namespace,
            "only": preset.only,
            "loose": preset.loose,
            "leave_out": preset.leave_out,
        }
    return Mapping(
        source=source,
        columns=columns,
        constants=constants,
        defaults=defaults,
        time_unit=given["time_unit"] or (preset.time_unit if preset is not None else None),
        assume_utc=given["assume_utc"] or (preset is not None and preset.assume_utc),
        keep_author=given["keep_author"],
        pseudonym_key=(given["pseudonym_key"] or "").encode()[:64],
        **rest,
    )


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

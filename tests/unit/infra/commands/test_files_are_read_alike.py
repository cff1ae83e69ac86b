"""One file, one answer: every command reads the same files in the same way, with the same options."""

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from infra.cli import streamkeeper

TEXTS = ["you idiot, zoë", "a calm day", "hello there", "see you, then"]
CSV = "text,label,author_id\n" + "".join(f'"{text}",{int("idiot" in text)},ann\n' for text in TEXTS)
ITEMS = [{"text": text, "label": int("idiot" in text), "author_id": "ann"} for text in TEXTS]
DOCUMENT = json.dumps({"export": {"rows": ITEMS}}, indent=1)

FILES: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "byte order mark": ("a.csv", CSV.encode("utf-8-sig"), ()),
    "UTF-16": ("a.csv", CSV.encode("utf-16"), ()),
    "semicolons": ("a.csv", CSV.replace('",', '";').replace("0,", "0;").replace("1,", "1;").replace(
        "text,label,author_id", "text;label;author_id").encode(), ()),
    "old line ends": ("a.csv", CSV.replace("\n", "\r").encode(), ()),
    "Latin-1": ("a.csv", CSV.encode("latin-1"), ("--encoding", "latin-1")),
    "packed": ("a.csv.bz2", bz2.compress(gzip.compress(CSV.encode())), ()),
    "a document": ("a.json", DOCUMENT.encode(), ("--items", "export.rows")),
    "no name": ("a.dat", CSV.encode(), ("--format", "csv")),
    "another delimiter": ("a.csv", CSV.replace(",", "^").replace("idiot^", "idiot,").replace("you^ then", "you, then")
                          .encode(), ("--delimiter", "^")),
}  # fmt: skip


def run(*arguments: str, stdin: bytes | None = None) -> dict[str, Any]:
    result = CliRunner().invoke(streamkeeper, [*arguments, "--json"], input=stdin)
    assert result.exit_code in (0, 4), result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("kind", FILES)
def test_produce_evaluate_and_policy_diff_find_the_same_rows_in_a_file(kind: str, tmp_path: Path) -> None:
    name, data, options = FILES[kind]
    file = tmp_path / name
    file.write_bytes(data)
    path = str(file)
    assert run("produce", "--from", path, *options, "--dry-run")["accepted"] == 4
    assert run("evaluate", "--data", path, *options, "--peers", "none")["texts"] == 4
    found = run("policy", "diff", "default", "default", "--data", path, *options)
    assert (found["texts"], found["unreadable"], found["empty"]) == (4, 0, 0)


@pytest.mark.parametrize("kind", FILES)
def test_standard_input_is_read_like_a_file(kind: str, tmp_path: Path) -> None:
    name, data, options = FILES[kind]
    if name.startswith("a.csv") and "--format" not in options:
        options = (*options, "--format", "csv")
    assert run("produce", "--from", "-", *options, "--dry-run", stdin=data)["accepted"] == 4
    assert run("evaluate", "--data", "-", *options, "--peers", "none", stdin=data)["texts"] == 4
    assert run("policy", "diff", "default", "default", "--data", "-", *options, stdin=data)["texts"] == 4


@pytest.mark.parametrize(
    "command",
    [
        ("produce", "--dry-run", "--from"),
        ("evaluate", "--peers", "none", "--data"),
        ("policy", "diff", "default", "default", "--data"),
    ],
)
@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (b"PK\x03\x04" + bytes(40), (), "zip archive"),
        (gzip.compress(CSV.encode(), mtime=0)[:60], (), "cut off"),
        (CSV.encode(), ("--delimiter", "::"), "--delimiter '::'; allowed"),
        (CSV.encode(), ("--encoding", "klingon"), "--encoding 'klingon' is not an encoding"),
        (CSV.encode(), ("--items", "a..b"), "--items 'a..b' is not a path"),
        (b'{"text":"a"', ("--format", "jsonl"), "not one JSON document"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_everywhere(
    command: tuple[str, ...], data: bytes, options: tuple[str, ...], words: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_bytes(data)
    result = CliRunner().invoke(streamkeeper, [*command, "a.csv", *options])
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit)
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "value", [b"1" * 5_000, b"1e999", b"-0", b"[" * 900 + b"]" * 900, b'"\\ud800"', b'{"a":{}}', b"null"]
)
def test_a_value_that_python_cannot_hold_is_no_stack_trace(value: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"text":' + value + b',"label":' + value + b',"author_id":"a","lang":' + value + b"}\n")
    for command in (
        ("produce", "--dry-run", "--rejects", str(tmp_path / "r.jsonl"), "--from"),
        ("evaluate", "--peers", "none", "--data"),
        ("policy", "diff", "default", "default", "--data"),
        ("train", "--out", str(tmp_path / "w.bin")),
    ):
        result = CliRunner().invoke(streamkeeper, [*command, str(file)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output

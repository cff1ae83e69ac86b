"""Whatever a policy file holds, loading it ends in a policy that can judge, or in a PolicyError that says where."""

import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.policies import policy_names, read_policy

SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

DEFAULT = read_policy("default")
LINES = DEFAULT.splitlines(keepends=True)
SMALL = """\
id = "small"
description = "x"
[severities]
high = 0.7
[labels.spam]
flag = 0.3
hold = false
[labels.pii]
flag = 0.3
[[terms]]
rule = "a"
label = "spam"
severity = "high"
terms = ["free money"]
[[patterns]]
rule = "b"
label = "spam"
score = 0.6
pattern = 'https?://'
expires = 2027-01-31
[[links]]
rule = "c"
label = "spam"
score = 0.6
kinds = ["shortener"]
domains = ["example.org"]
[[allow]]
rule = "d"
terms = ["fine"]
[[authors]]
rule = "e"
authors = ["x"]
lower_by = 0.1
[[floods]]
rule = "f"
label = "spam"
score = 0.4
events = 5
seconds = 60
[[repeats]]
rule = "g"
label = "spam"
score = 0.4
events = 5
seconds = 60
authors = 2
near = true
[[beside]]
rule = "h"
label = "spam"
score = 0.4
labels = ["spam"]
terms = ["now"]
[[managed]]
rule = "i"
service = "comprehend"
labels = { GRAPHIC = "spam" }
borderline = { spam = { low = 0.2, high = 0.6 } }
[personal_data]
label = "pii"
scores = { email = 0.5, national_id = 0.5 }
[model]
weights = "default@0123456789abcdef"
heads = { toxic = { label = "spam", at_least = 0.2 } }
[surfaces.chat.labels.spam]
flag = 0.7
[surfaces.chat.languages.de.labels.spam]
flag = 0.6
[languages.de.labels.spam]
flag = 0.6
"""
"""Every table that a policy may have, so that a mutation meets every kind of shape."""

HOSTILE = [
    "1e999",
    "-inf",
    "nan",
    "0x" + "f" * 5000,
    "9" * 5000,
    str(2**63),
    str(2**64),
    "-" + "9" * 30,
    "1979-05-27T07:32:00Z",
    "1979-05-27",
    "07:32:00",
    "9999-12-31",
    "0001-01-01",
    "true",
    '""',
    '"\\u0000"',
    '"\\U0010FFFF"',
    "'''\n'''",
    '"""' + "x" * 3000 + '"""',
    "[]",
    "[[]]",
    "[1, 'a', {}]",
    "{}",
    "{ a = {} }",
    "{ '' = 1 }",
    "[" * 60 + "]" * 60,
    "{a=" * 60 + "1" + "}" * 60,
    ".".join("a" * 40) + " = 1",
    "'(?P<n>a){1000}{1000}'",
    "'\\C'",
    "['\u200b']",
]


def outcome(text: str) -> Policy | PolicyError:
    """What loading and making ready comes to; anything but a policy or its error fails the test."""
    try:
        policy = Policy.load(text)
        Moderator(policy)
    except PolicyError as error:
        refused = error
    else:
        return policy
    assert refused.problems
    for problem in refused.problems:
        assert problem.message
        assert 0 <= problem.line <= text.count("\n") + 2
        str(problem).encode()
    return refused


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            found += paths(inner, (*path, position))
    return found


def rendered(value: Any) -> str:
    """A document as one inline TOML value; raw text stands as it is."""
    match value:
        case Raw():
            return value.text
        case dict():
            return "{" + ", ".join(f"{quoted(key)} = {rendered(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(rendered, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case _:
            return str(value)


def quoted(text: str) -> str:
    kept = "".join(
        letter if letter.isprintable() and letter not in '"\\' else f"\\U{ord(letter):08x}" for letter in text
    )
    return f'"{kept}"'


class Raw:
    def __init__(self, text: str) -> None:
        self.text = text


def replaced(document: Any, path: tuple[Any, ...], change: Any) -> None:
    for step in path[:-1]:
        document = document[step]
    change(document, path[-1])


def test_the_small_policy_differs_from_a_good_one_in_its_weights_alone() -> None:
    found = outcome(SMALL)
    assert isinstance(found, PolicyError)
    assert [problem.path for problem in found.problems] == ["model"]


@SLOW
@given(st.data())
def test_any_value_in_any_place_is_refused_or_taken(data: st.DataObject) -> None:
    document = tomllib.loads(SMALL)
    place = data.draw(st.sampled_from(paths(document)))
    value = data.draw(st.sampled_from(HOSTILE))
    if "." in value and " = " in value:
        value = "{" + value + "}"

    def set_value(inside: Any, step: Any) -> None:
        inside[step] = Raw(value)

    replaced(document, place, set_value)
    outcome("\n".join(f"{quoted(key)} = {rendered(inner)}" for key, inner in document.items()))


@SLOW
@given(st.data())
def test_any_key_misspelt_doubled_or_left_out_is_refused_or_taken(data: st.DataObject) -> None:
    document = tomllib.loads(SMALL)
    place = data.draw(st.sampled_from([path for path in paths(document) if isinstance(path[-1], str)]))
    name = data.draw(st.one_of(st.text(max_size=8), st.just(place[-1][1:] + "x"), st.just("a" * 500), st.none()))

    def rename(inside: Any, step: Any) -> None:
        value = inside.pop(step)
        if name is not None:
            inside[name] = value

    replaced(document, place, rename)
    outcome("\n".join(f"{quoted(key)} = {rendered(inner)}" for key, inner in document.items()))


@SLOW
@given(
    st.sampled_from(["default", "strict", "lenient"]),
    st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.integers(0, 40),
            st.one_of(
                st.text(max_size=12), st.sampled_from(['"', "[", "]", "{", "=", "\n", '"""', "'''", "#", "\r", "\0"])
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_policy_with_pieces_cut_out_or_put_in_is_refused_or_taken(
    name: str, edits: list[tuple[float, int, str]]
) -> None:
    text = read_policy(name)
    for where, length, put in edits:
        at = int(where * len(text))
        text = text[:at] + put + text[at + length :]
    outcome(text)


@SLOW
@given(st.integers(0, len(LINES) - 1), st.sampled_from(HOSTILE))
def test_any_line_of_the_default_policy_with_another_value_is_refused_or_taken(number: int, value: str) -> None:
    lines = list(LINES)
    key, equals, _ = lines[number].partition("=")
    lines[number] = f"{key}{equals} {value}\n"
    outcome("".join(lines))


@SLOW
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.load(data.decode("utf-8", "replace"))
    assert str(caught.value)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("depth", [1, 50, 300, 2000, 100_000])
def test_nesting_of_any_depth_is_refused(value: str, depth: int) -> None:
    if depth > 1 and value != HOSTILE[0]:
        return
    for text in (
        "a = " + "[" * depth + "1" + "]" * depth,
        "a = " + "{a=" * depth + "1" + "}" * depth,
        ".".join(["a"] * depth) + " = 1",
        "[" + ".".join(["a"] * depth) + "]\nb = 1",
        "[[" + ".".join(["a"] * depth) + "]]\nb = 1",
        'id = "x"\n[labels.spam]\nflag = ' + "[" * depth + "]" * depth,
        "labels." + ".".join(["a"] * depth) + " = 1",
        f"{value} = {value}",
    ):
        assert isinstance(outcome(text), PolicyError)


@pytest.mark.parametrize("name", policy_names())
def test_each_scores_key_misspelt_is_named_with_its_place(name: str) -> None:
    text = read_policy(name)
    if "[personal_data]" not in text:
        return
    document = tomllib.loads(text)
    for key in document["personal_data"].get("scores", {}):
        head, tail = text.split("[personal_data]")
        found = outcome(f"{head}[personal_data]{tail.replace(key, key[:-1] + 'x', 1)}")
        assert isinstance(found, PolicyError)
        [problem] = found.problems
        assert problem.line > head.count("\n")
        assert problem.path.startswith("personal_data.scores.")
        assert "allowed: " in problem.message
        assert key in problem.message

"""Where things stand in a TOML text."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.locate import Place, Places

TEXT = '''\
# [not.a.table]
id = "a # b"  # c
"quoted key" = 1
inline = { one = 1, "two" = [ 1, { three = 3 } ] }
many = [
  "x",  # a comment, with a comma
  """two
lines""", 'y',
]
[[rules]]
a.b = 1
[[rules]]
a = { b = 2 }
[rules.sub]
deep = 2026-01-02
[table."dotted.name"]
key = 'v'
'''


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("id",), (2, 1), (2, 6)),
        (("quoted key",), (3, 1), (3, 16)),
        (("inline",), (4, 1), (4, 10)),
        (("inline", "one"), (4, 12), (4, 18)),
        (("inline", "two", 1, "three"), (4, 36), (4, 44)),
        (("many", 0), (6, 3), (6, 3)),
        (("many", 2), (8, 11), (8, 11)),
        (("rules", 0, "a", "b"), (11, 3), (11, 7)),
        (("rules", 1, "a", "b"), (13, 7), (13, 11)),
        (("rules", 1, "sub", "deep"), (15, 1), (15, 8)),
        (("table", "dotted.name", "key"), (17, 1), (17, 7)),
        (("rules", 1, "absent"), (12, 3), (12, 3)),
        (("nowhere",), (1, 1), (1, 1)),
    ],
)  # fmt: skip
def test_each_key_and_value_is_found(path: tuple[str | int, ...], key: tuple[int, int], value: tuple[int, int]) -> None:
    tomllib.loads(TEXT)
    places = Places(TEXT)
    assert places.key(path) == Place(*key)
    assert places.value(path) == Place(*value)


names = st.text("ab_-1", min_size=1, max_size=3)
values = st.recursive(
    st.integers(0, 9).map(str)
    | st.sampled_from(['"s"', "'l'", '"""m\n"""', "true", "1.5", "2026-01-02", '"\\""', "'#'"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
    max_leaves=5,
)


@given(st.dictionaries(names, values, max_size=4), st.lists(st.dictionaries(names, values, max_size=3), max_size=3))
def test_whatever_is_toml_can_be_looked_through(top: dict[str, str], tables: list[dict[str, str]]) -> None:
    lines = [f"{name} = {value} # c" for name, value in top.items()]
    for table in tables:
        lines += ["[[zz]]", *(f"{name} = {value}" for name, value in table.items())]
    text = "\n".join(lines)
    tomllib.loads(text)
    places = Places(text)
    for name in top:
        place = places.key((name,))
        assert text.splitlines()[place.line - 1][place.column - 1 :].startswith(name)
    for number, table in enumerate(tables):
        for name in table:
            place = places.key(("zz", number, name))
            assert text.splitlines()[place.line - 1][place.column - 1 :].startswith(name)

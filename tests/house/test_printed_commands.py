"""What is printed can be pasted: commands in help texts and in code blocks of pages are ones that the program takes."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from infra.cli import streamkeeper

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
OPERATORS = {"|", "||", "&&", ";", "&", "<", ">", ">>", "2>", "(", ")"}


def below(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """A command's context and those of all commands below it."""
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            made = command.get_command(context, name)
            assert made is not None
            yield from below(made, click.Context(made, parent=context, info_name=name))


ROOT_CONTEXT = click.Context(streamkeeper, info_name="streamkeeper")
CONTEXTS = list(below(streamkeeper, ROOT_CONTEXT))


def examples(text: str) -> str:
    """The lines below ``Example:`` or ``Examples:`` of a help text, as they are printed."""
    found = re.search(r"^  Examples?:\n((?:    .*\n)+)", text + "\n", re.MULTILINE)
    return "" if found is None else found[1]


def commands_in(text: str) -> Iterator[str]:
    """The lines that run the program, each with those on which it goes on."""
    lines = iter(text.splitlines())
    for line in lines:
        whole = line.strip().removeprefix("$ ")
        if re.match(r"(\w+=\S+ )*([^`]* [|] )?(\.venv/bin/)?streamkeeper [a-z]", whole):
            while whole.endswith("\\") or not closed(whole):
                whole = whole.removesuffix("\\") + "\n" + next(lines)
            yield whole


def said_on(page: Path) -> list[str]:
    """The commands in the code blocks of a page."""
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in commands_in(block)]


def closed(line: str) -> bool:
    """Whether every quotation mark of a shell line has its other."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True


def calls(line: str) -> list[list[str]]:
    """The arguments of each call of the program in a shell line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.commenters, lexer.whitespace_split = "#", True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in OPERATORS:
            found.append([])
        else:
            found[-1].append(word)
    bare = [words[next((n for n, word in enumerate(words) if "=" not in word), 0) :] for words in found]
    return [words[1:] for words in bare if words and words[0].removeprefix(".venv/bin/") == "streamkeeper"]


def refusal(words: list[str], context: click.Context = ROOT_CONTEXT) -> str | None:
    """What the program says against these arguments, files that are not there apart; None when it takes them."""
    command = context.command
    try:
        given, rest, _ = command.make_parser(context).parse_args(list(words))
        for parameter in command.get_params(context):
            if not isinstance(parameter.type, (click.Path, click.File)) and parameter.expose_value:
                parameter.handle_parse_result(context, given, [])
            elif parameter.required and given.get(str(parameter.name)) is None:
                return f"{parameter.name} is missing"
    except click.ClickException as error:
        return error.format_message()
    if isinstance(command, click.Group) and rest:
        name, *others = rest
        made = command.get_command(context, name)
        if made is None:
            return f"no command {name}"
        return refusal(others, click.Context(made, parent=context, info_name=name))
    return f"too much: {rest}" if rest else None


@pytest.mark.parametrize("context", [pytest.param(one, id=one.command_path) for one in CONTEXTS])
def test_every_help_has_examples_that_can_be_pasted(context: click.Context) -> None:
    said = examples(context.command.get_help(context))
    assert "streamkeeper" in said, "no examples, or not each on a line of its own"
    read = subprocess.run(["bash", "-n"], input=said, capture_output=True, text=True, check=False)
    assert read.stderr == ""
    found = [words for line in commands_in(said) for words in calls(line)]
    path = context.command_path.split()[1:]
    assert any(words[: len(path)] == path for words in found)
    assert [(words, why) for words in found if (why := refusal(words))] == []


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES if said_on(page)])
def test_every_command_on_a_page_is_one_that_the_program_takes(page: Path) -> None:
    assert [(words, why) for line in said_on(page) for words in calls(line) if (why := refusal(words))] == []

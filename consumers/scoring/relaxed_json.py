"""JSON as people type it into a shell: keys without quotes, single quotes, commas too many."""

_BLANK = " \t\r\n"
_WORDS = frozenset({"true", "false", "null"})


def strict(text: str) -> str:
    """The same document as strict JSON, as far as it can be read; what cannot is left for a parser to refuse.

    Args:
        text: a document.

    >>> strict("{comment: {text: 'it is \\"so\\"'}, languages: [\\"en\\",],}")
    '{"comment": {"text": "it is \\\\"so\\\\""}, "languages": ["en"]}'
    """
    parts: list[str] = []
    place, length = 0, len(text)
    while place < length:
        character = text[place]
        if character in "\"'":
            end = _string_end(text, place)
            body = text[place + 1 : end - 1] if end <= length else text[place + 1 :]
            parts.append(f'"{_requoted(body)}"' if character == "'" else text[place:end])
            place = end
        elif character == ",":
            after = place + 1
            while after < length and text[after] in _BLANK:
                after += 1
            if after < length and text[after] in "]}":
                place = after
                continue
            parts.append(character)
            place += 1
        elif character.isalpha() or character in "_$":
            end = place
            while end < length and (text[end].isalnum() or text[end] in "_$@"):
                end += 1
            word = text[place:end]
            parts.append(word if word in _WORDS else f'"{word}"')
            place = end
        elif character.isdigit() or character == "-":
            end = place + 1
            while end < length and (text[end].isalnum() or text[end] in ".+-"):
                end += 1
            parts.append(text[place:end])
            place = end
        else:
            parts.append(character)
            place += 1
    return "".join(parts)


def _string_end(text: str, begin: int) -> int:
    quote, place = text[begin], begin + 1
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text[place] == quote:
            return place + 1
        else:
            place += 1
    return len(text) + 1


def _requoted(body: str) -> str:
    out: list[str] = []
    place = 0
    while place < len(body):
        character = body[place]
        if character == "\\" and place + 1 < len(body):
            out.append("'" if body[place + 1] == "'" else body[place : place + 2])
            place += 2
            continue
        out.append('\\"' if character == '"' else character)
        place += 1
    return "".join(out)

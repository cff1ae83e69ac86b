"""``python -m benchmarks.hostile``: 64 KiB of what is written to slow a moderator down, and how its time grows."""

import json
import sys
import time

import click

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy

SIZES = (16_384, 32_768, 65_536)
MOST_MS = 500.0
"""A batch holds 6 MB at most, so 96 such texts: 48 seconds of the function's 60. What takes longer is bisected."""
MOST_GROWTH = 6.0
"""Four times the text; twice that would be a square."""

UNITS: dict[str, str] = {
    "spaces": " ",
    "zero width": "\u200b",
    "heaped marks": "a\u0301\u0302\u0303",
    "single letters": "a ",
    "letters and signs": "a b-c..d+e, ",
    "digits": "1",
    "digits by signs": "12-",
    "plus and digit": "+1 ",
    "at signs": "@",
    "near addresses": "a@b.",
    "addresses": "jo@mail.example.org ",
    "spelled addresses": "jo (at) example dot com ",
    "links": "http://a.b/ ",
    "links in links": "https://x.y?u=http://",
    "users in links": "http://a:b@",
    "punycode": "xn--a.",
    "emoji": "😀",
    "one letter": "a",
    "held letters": "loooser ",
    "near IBANs": "DE89 3704 ",
    "near cards": "4111 1111 1111 111",
    "cards": "4111111111111111 ",
    "IP addresses": "8.8.8.8 ",
    "near IP addresses": "1.2.3.",
    "colons": "::a:",
    "identifiers": "078-05-1120 ",
    "telephones": "(555) 555-0100 ",
    "keys": "api_key: aZ09 ",
    "private keys": "-----BEGIN ",
    "near a prize": "you won a b c d ",
    "near a wallet": "send bc1",
    "near a login": "verify account ",
    "mixed scripts": "аa",
    "full width": "ｆｒｅｅ ",
    "tags": "\U000e0041",
    "flags": "🇩🇪",
    "Hindi": "कल ",
    "Thai": "สวัสดี",
    "Chinese": "加微",
    "NUL": "\0",
}


@click.command(epilog="Example: python -m benchmarks.hostile --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(as_json: bool) -> None:
    """Judges texts of 16, 32 and 64 KiB of each kind; fails when one takes too long, or grows faster than the text."""
    moderator = Moderator(Policy.load(read_policy("default")))
    # What is made on the first text that needs it.
    moderator.judge("l o s e r, jo@example.org, +49 30 1234567", surface="comment")
    found: dict[str, list[float]] = {}
    for name, unit in UNITS.items():
        found[name] = []
        for size in SIZES:
            text = unit * (size // len(unit.encode()))
            started = time.process_time()
            moderator.judge(text, surface="comment")
            found[name].append((time.process_time() - started) * 1000)
    # Of what takes no time, growth says nothing.
    slow = {name: times for name, times in found.items() if times[-1] > 20}
    growth = max((times[-1] / times[0], name) for name, times in slow.items())
    worst = max((times[-1], name) for name, times in found.items())
    if as_json:
        print(json.dumps({"milliseconds": found, "worst": worst, "growth": growth}, indent=1))
    else:
        print(f"{'milliseconds of CPU for':<24}" + "".join(f"{size // 1024:>8} KiB" for size in SIZES))
        for name, times in sorted(found.items(), key=lambda item: -item[1][-1])[:12]:
            print(f"{name:<24}" + "".join(f"{value:>12.1f}" for value in times))
        print(f"worst {worst[0]:.0f} ms ({worst[1]}), allowed {MOST_MS:.0f}; "
              f"growth from 16 to 64 KiB {growth[0]:.1f} ({growth[1]}), allowed {MOST_GROWTH}")  # fmt: skip
    sys.exit(worst[0] > MOST_MS or growth[0] > MOST_GROWTH)


if __name__ == "__main__":
    main()

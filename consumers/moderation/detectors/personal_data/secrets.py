"""Keys, tokens and passwords: by the marks that their makers put into them, and by what stands before them."""

import math
from collections import Counter
from collections.abc import Iterator

from consumers.moderation.detectors.personal_data.spans import Span
from consumers.moderation.kinds import Secret
from consumers.moderation.scan import compiled

# Shapes in lower case, as they stand in a normal form.
_TOKENS: dict[Secret, str] = {
    # Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    "aws_key": r"\b(?:akia|asia)[a-z2-7]{16}\b",
    # Source: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    "github_token": r"\bgh[pousr]_[a-z0-9]{36,255}\b|\bgithub_pat_[a-z0-9_]{60,255}\b",
    # Source: https://docs.gitlab.com/security/tokens/#token-prefixes
    "gitlab_token": r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt|ffct)-[a-z0-9_.-]{20,300}",
    # Source: https://docs.slack.dev/authentication/tokens
    "slack_token": r"\bx(?:ox[abeoprs]|app|oxe\.xox[bp])-[a-z0-9.-]{16,250}"
    r"|\bhooks\.slack\.com/(?:services|workflows|triggers)/[a-z0-9_/-]{20,200}",
    # Source: https://docs.stripe.com/keys
    "stripe_key": r"\b(?:sk|rk|whsec)_(?:(?:live|test|prod)_)?[a-z0-9]{16,250}\b",
    # Source: https://cloud.google.com/docs/authentication/api-keys
    "google_api_key": r"\baiza[a-z0-9_-]{35}|\bgocspx-[a-z0-9_-]{28}|\bya29\.[a-z0-9_-]{20,300}",
    # Source: https://platform.openai.com/docs/api-reference/authentication
    "ai_api_key": r"\bsk-(?:proj-|svcacct-|admin-|ant-[a-z]{2,8}[0-9]{2}-|or-v1-)?[a-z0-9_-]{32,250}"
    r"|\bhf_[a-z0-9]{34}\b|\bgsk_[a-z0-9]{48,60}\b",
    # Header and payload are JSON objects in base64url, and '{"' begins there as eyJ.
    # Source: https://www.rfc-editor.org/rfc/rfc7519
    "jwt": r"\beyj[a-z0-9_-]{8,}\.eyj[a-z0-9_-]{8,}(?:\.[a-z0-9_-]*)?",
    # npm, PyPI, SendGrid, DigitalOcean, Docker, Hashicorp Vault, Shopify, Telegram bots, age
    "other_token": r"\bnpm_[a-z0-9]{36}\b|\bpypi-[a-z0-9_-]{50,300}|\bsg\.[a-z0-9_-]{22}\.[a-z0-9_-]{43}"
    r"|\bdo[opr]_v1_[a-f0-9]{64}\b"
    r"|\bdckr_pat_[a-z0-9_-]{27}|\bhv[sbr]\.[a-z0-9_-]{24,300}|\bshp(?:at|ca|pa|ss)_[a-f0-9]{32}\b"
    r"|\b\d{8,10}:aa[a-z0-9_-]{33}\b|\bage-secret-key-1[a-z0-9]{58}\b"
    # Discord: a user's id, a time and a hash, each in base64url; and of those with a second factor
    r"|\b[mno][a-z0-9_-]{23,27}\.[a-z0-9_-]{6}\.[a-z0-9_-]{27,40}|\bmfa\.[a-z0-9_-]{20,120}",
}
# Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
_BEARER = r"\bbearer[ :]{1,3}([a-z0-9._~+/-]{16,500}=*)"
_PRIVATE_KEY = r"-----begin [a-z0-9 ]{0,40}private key(?: block)?-----"
_PRIVATE_KEY_END = r"-----end [a-z0-9 ]{0,40}private key(?: block)?-----"

# Forty signs of base64 are also a hash; beside one of these words they are the other half of an AWS key.
_AWS_OTHER_HALF = (
    r"(?:aws|secret)[a-z_ -]{0,24}(?:key|secret|token)[a-z_ -]{0,12}"
    r"[\"'\x60]?\s{0,4}(?:=>|[:=]|is)?\s{0,4}[\"'\x60]?([a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)"
)
_HALF = r"(?:^|[^a-z0-9/+])([a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)"
_NEAR = 120
"""Characters after an AWS key id in which its secret is looked for."""
# "my password is hunter2": only what no word looks like.
_TOLD = (
    r"\b(?:pass(?:word|wd|phrase|code|wort)|pwd|kennwort|contraseña|senha|mot de passe|parola|hasło)"
    r" (?:is|was|ist|es|est|é|è|to) [\"'\x60]?([^\s\"'\x60<>]{6}[^\s\"'\x60<>]*)"
)
_ASSIGNED = (
    r"(?:\b(?:[a-z0-9]{1,32}[_-])?(?:pass(?:word|wd|phrase|wort)?|pwd|secret|token|api[ _-]?key|access[ _-]?key"
    r"|auth[ _-]?token|private[ _-]?key|client[ _-]?secret"
    r"|contraseña|senha|mot de passe|hasło|kennwort|parola)|пароль|密码)"
    r"(?:[_-][a-z0-9]{1,32})?[\"'\x60]?\s{0,4}(?:=>|:=|[:=])\s{0,4}[\"'\x60]?([^\s\"'\x60<>]{6}[^\s\"'\x60<>]*)"
)
_IN_ADDRESS = r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:([^\s/@]{3}[^\s/@]*)@[^\s/@]"

# It only proposes, and begins with what is rare in ordinary text: what counts letters from every m, n and o on has the
# scan's automaton make new states without end.
TRIGGER = (
    r"a(?:kia|sia)[a-z2-7]{16}|gh[pousr]_[a-z0-9]{16}|github_pat_|gl[a-z]{2,5}-[a-z0-9_.-]{16}|x(?:ox[a-z]|app)[-.]"
    r"|hooks\.slack\.com/|(?:sk|rk|whsec)[_-][a-z0-9_-]{16}|aiza[a-z0-9_-]{16}|gocspx-|ya29\.|hf_[a-z0-9]{16}"
    r"|gsk_[a-z0-9]{16}|eyj[a-z0-9_-]{8}|npm_[a-z0-9]{16}|pypi-[a-z0-9]{16}|sg\.[a-z0-9_-]{16}|do[opr]_v1_"
    r"|dckr_pat_|hv[sbr]\.[a-z0-9_-]{16}|shp[a-z]{2}_[a-f0-9]{16}|\d:aa[a-z0-9_-]{16}|age-secret-key-1"
    r"|bearer[ :]{1,3}[a-z0-9._~+/-]{16}|mfa\.[a-z0-9_-]{20}|[a-z0-9_-]\.[a-z0-9_-]{6}\.[a-z0-9_-]{16}"
    r"|-----begin |://[^\s/:@]+:[^\s/@]+@|(?:aws|secret)[a-z_ -]{0,24}(?:key|secret|token)"
    r"|(?:token|key|secret|pass|wort|word|pwd|wd|phrase|contraseña|senha|passe|hasło|parola|пароль|密码)"
    r"(?:(?:[_-][a-z0-9]+)?[\"'\x60]?\s{0,4}(?:=|:)| (?:is|was|ist|es|est|é|è|to) \S*\d)"
)
"""What a normal form with a secret has."""

_LEAST_BITS = 2.5
"""Bits for each character, below which what is assigned is rather a word or a placeholder than a secret."""


def find_secrets(text: str) -> Iterator[Span]:
    """Keys, tokens and passwords in a normal form."""
    yield from _private_keys(text)
    for kind, shape in _TOKENS.items():
        for match in compiled(shape).finditer(text):
            yield Span(match.start(), match.end(), kind, sure=_is_varied(match[0]))
        if kind == "aws_key":
            yield from _other_halves(text, [match.end() for match in compiled(shape).finditer(text)])
    for match in compiled(_AWS_OTHER_HALF).finditer(text):
        if _is_varied(match[1]) and not _is_hash(match[1]):
            yield Span(match.start(1), match.end(1), "aws_secret")
    for match in compiled(_BEARER).finditer(text):
        if _looks_random(match[1]):
            yield Span(match.start(1), match.end(1), "other_token")
    for match in compiled(_IN_ADDRESS).finditer(text):
        yield Span(match.start(1), match.end(1), "password")
    for match in compiled(_ASSIGNED).finditer(text):
        if _is_secret(match[1]):
            yield Span(match.start(1), match.end(1), "password", sure=_looks_random(match[1]))
    for match in compiled(_TOLD).finditer(text):
        value = match[1].rstrip(".,;:!?)")
        if len(value) >= 6 and _is_secret(value) and _looks_random(value):
            yield Span(match.start(1), match.start(1) + len(value), "password")


def _other_halves(text: str, ends: list[int]) -> Iterator[Span]:
    """What has the shape of an AWS secret and stands near a key id."""
    for end in ends:
        match = compiled(_HALF).search(text[end : end + _NEAR])
        if match is not None and _is_varied(match[1]) and not _is_hash(match[1]):
            yield Span(end + match.start(1), end + match.end(1), "aws_secret")


def entropy(text: str) -> float:
    """Bits for each character, by how often each occurs in the text.

    >>> entropy("aaaa"), entropy("abcd")
    (0.0, 2.0)
    """
    length = len(text)
    return sum(-times / length * math.log2(times / length) for times in Counter(text).values()) + 0.0


def _private_keys(text: str) -> Iterator[Span]:
    at = 0
    for match in compiled(_PRIVATE_KEY).finditer(text):
        if match.start() < at:
            continue
        end = compiled(_PRIVATE_KEY_END).search(text, match.end())
        # What has no end is one all the same: texts are cut.
        at = end.end() if end is not None else len(text)
        yield Span(match.start(), at, "private_key")
        if end is None:
            return


def _is_secret(value: str) -> bool:
    # Not what stands for one: ${PASSWORD}, <password>, ******, process.env.KEY, get_password(...)
    return len(set(value)) > 3 and value[0] not in "$<{%*([" and "(" not in value and "://" not in value


def _looks_random(value: str) -> bool:
    # A word after "password:" is rather a sentence that goes on.
    kinds = any(sign.isalpha() for sign in value), any(sign.isdigit() for sign in value), not value.isalnum()
    return sum(kinds) > 1 and any(sign.isdigit() for sign in value) and _is_varied(value)


def _is_varied(value: str) -> bool:
    return entropy(value) >= _LEAST_BITS


def _is_hash(value: str) -> bool:
    return all(sign in "0123456789abcdef" for sign in value)

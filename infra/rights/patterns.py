"""Wildcards as policies have them: ``*`` for any text, ``?`` for one character."""


def matches(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern with wildcards means; linear in both for each ``*``.

    >>> matches("s3:Get*", "s3:GetObject"), matches("a?c", "abc"), matches("a?c", "ac"), matches("*b*d", "abcd")
    (True, True, False, True)
    """
    at = start = 0
    star = -1
    while at < len(text):
        if start < len(pattern) and pattern[start] == "*":
            star, behind = start, at
            start += 1
        elif start < len(pattern) and pattern[start] in ("?", text[at]):
            start += 1
            at += 1
        elif star >= 0:
            behind += 1
            start, at = star + 1, behind
        else:
            return False
    return pattern[start:].strip("*") == ""


def arn_matches(pattern: str, arn: str) -> bool:
    """As ``ArnLike``: each of the six parts between colons for itself.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

    >>> arn_matches("arn:aws:sqs:*:111122223333:q", "arn:aws:sqs:eu-west-1:111122223333:q")
    True
    >>> arn_matches("arn:*", "arn:aws:sqs:eu-west-1:111122223333:q")
    False
    """
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(given) and all(map(matches, wanted, given))

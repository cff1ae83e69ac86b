"""What the managed AI services say, by their own names.

Sources: https://docs.aws.amazon.com/comprehend/latest/APIReference/API_ToxicContent.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailAssessment.html,
https://docs.aws.amazon.com/rekognition/latest/dg/moderation-api.html
"""

TOXICITY = "TOXICITY"
"""Comprehend's score for the text as a whole."""
TOPIC, WORD, SENSITIVE_INFORMATION = "TOPIC", "WORD", "SENSITIVE_INFORMATION"
"""A denied topic, a word of a list, or personal data that a guardrail found; it gives no score, so it counts 1."""

LABELS: dict[str, tuple[str, ...]] = {
    "comprehend": (
        "GRAPHIC",
        "HARASSMENT_OR_ABUSE",
        "HATE_SPEECH",
        "INSULT",
        "PROFANITY",
        "SEXUAL",
        "VIOLENCE_OR_THREAT",
        TOXICITY,
    ),
    "bedrock": (
        "INSULTS",
        "HATE",
        "SEXUAL",
        "VIOLENCE",
        "MISCONDUCT",
        "PROMPT_ATTACK",
        TOPIC,
        WORD,
        SENSITIVE_INFORMATION,
    ),
    # Its names, such as "Explicit" and "Violence", grow with each version of its model; parents are named, too.
    "rekognition": (),
}
"""By service; empty where the names are not a closed set."""

"""Personal data, keys and secrets: found by shape, told from other things by check digits, ranges and context."""

from consumers.moderation.detectors.personal_data.detector import (
    CANDIDATES,
    PersonalDataDetector,
    find_personal_data,
    propose,
)
from consumers.moderation.detectors.personal_data.payment import card_is_valid, iban_is_valid, luhn
from consumers.moderation.detectors.personal_data.spans import Span, mask

__all__ = [
    "CANDIDATES",
    "PersonalDataDetector",
    "Span",
    "card_is_valid",
    "find_personal_data",
    "iban_is_valid",
    "luhn",
    "mask",
    "propose",
]

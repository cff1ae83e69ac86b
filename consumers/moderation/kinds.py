"""The kinds of personal data and of attacks on groups that are told apart: the words that policies and signals use."""

from typing import Literal, get_args

NationalId = Literal[
    "us_ssn",
    "uk_nino",
    "uk_nhs",
    "de_tax_id",
    "de_id_card",
    "fr_nir",
    "es_dni",
    "it_codice_fiscale",
    "pl_pesel",
    "br_cpf",
    "br_cnpj",
]
Secret = Literal[
    "private_key",
    "aws_key",
    "aws_secret",
    "github_token",
    "gitlab_token",
    "slack_token",
    "stripe_key",
    "google_api_key",
    "ai_api_key",
    "jwt",
    "other_token",
    "password",
]
PersonalDataKind = Literal["email", "card", "iban", "phone", "ip", NationalId, Secret]
PersonalDataFamily = Literal["national_id", "secret"]

PERSONAL_DATA_KINDS: tuple[PersonalDataKind, ...] = get_args(PersonalDataKind)
FAMILIES: dict[PersonalDataKind, PersonalDataFamily] = {
    **dict.fromkeys(get_args(NationalId), "national_id"),
    **dict.fromkeys(get_args(Secret), "secret"),
}
"""The kinds that a policy can also name together."""

RelationKind = Literal["contempt", "derogation", "dehumanisation", "exclusion", "violence"]
RELATION_KINDS: tuple[RelationKind, ...] = get_args(RelationKind)

SolicitationKind = Literal["channel", "exchange", "votes", "money", "link"]
SOLICITATION_KINDS: tuple[SolicitationKind, ...] = get_args(SolicitationKind)

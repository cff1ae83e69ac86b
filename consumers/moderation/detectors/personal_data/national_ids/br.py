"""Brazil: CPF of people and CNPJ of companies, which are often one person's."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule


def cpf_is_valid(digits: str) -> bool:
    """Whether the last two of eleven digits are the check digits of the others, modulo 11.

    Source: https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf

    >>> cpf_is_valid("52998224725"), cpf_is_valid("52998224724"), cpf_is_valid("11111111111")
    (True, False, False)
    """
    if len(digits) != 11 or not digits.isdigit() or len(set(digits)) == 1:
        return False
    return check_digits(digits[:9], highest=11) == digits[9:]


def cnpj_is_valid(written: str) -> bool:
    """Whether the last two of fourteen signs are the check digits of the others. Since July 2026 they may be letters.

    Source: https://www.gov.br/receitafederal/pt-br/acesso-a-informacao/acoes-e-programas/programas-e-atividades/cnpj-alfanumerico

    >>> cnpj_is_valid("11222333000181"), cnpj_is_valid("11222333000182"), cnpj_is_valid("12abc34501de35")
    (True, False, True)
    """
    if len(written) != 14 or not written[12:].isdigit() or not (written.isascii() and written.isalnum()):
        return False
    return len(set(written)) > 1 and check_digits(written[:12], highest=9) == written[12:]


def check_digits(signs: str, *, highest: int) -> str:
    """The two check digits: weights from 2 up to ``highest`` and again from 2, from the right, modulo 11."""
    checked = signs
    for _ in range(2):
        values = (ord(sign.upper()) - 48 for sign in reversed(checked))
        total = sum(value * (place % (highest - 1) + 2) for place, value in enumerate(values))
        checked += str(-total % 11 % 10)
    return checked[len(signs) :]


CPF = IdRule(
    "br_cpf",
    shape=r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b",
    valid=cpf_is_valid,
    plain_shape=r"\b\d{3}[ .]?\d{3}[ .]?\d{3}[ /-]?\d{2}\b",
    words=r"\bcpf",
)
CNPJ = IdRule(
    "br_cnpj",
    shape=r"\b[a-z0-9]{2}\.[a-z0-9]{3}\.[a-z0-9]{3}/[a-z0-9]{4}-\d{2}\b",
    valid=cnpj_is_valid,
    plain_shape=r"\b[a-z0-9]{12}\d{2}\b",
    words=r"\bcnpj",
)

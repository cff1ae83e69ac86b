"""National identifiers: how they are written, and what tells one from another number. A module for each country."""

from consumers.moderation.detectors.personal_data.national_ids import br, de, es, fr, it, pl, uk, us
from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule, expressions, find_ids

NUMERIC: tuple[IdRule, ...] = (us.SSN, fr.NIR, br.CPF, br.CNPJ, es.DNI, uk.NHS, de.TAX_ID, pl.PESEL)
"""Those with seven digits in a row, whatever stands between them."""
WITH_LETTERS: tuple[IdRule, ...] = (uk.NINO, it.CODICE_FISCALE, de.ID_CARD)

__all__ = ["NUMERIC", "WITH_LETTERS", "IdRule", "expressions", "find_ids"]

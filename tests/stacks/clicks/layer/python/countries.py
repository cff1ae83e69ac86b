"""A layer: which country a language tag points to."""

COUNTRIES = {"de-DE": "Germany", "fr-FR": "France", "en-US": "United States"}

"""Settings in a template that deploy without a word and lose, repeat or hold up records later."""

"""Content that is made up: phrases, disguises, broken records; the same for the same seed."""

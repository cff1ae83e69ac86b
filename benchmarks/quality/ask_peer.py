"""Asks one tool of others about texts: run by the Python that has it, in a virtual environment of its own.

python ask_peer.py better-profanity|alt-profanity-check < texts.json > scores.json
"""

import importlib
import json
import sys


def main() -> None:
    """Texts as a JSON list in, scores from 0 to 1 out."""
    texts = json.load(sys.stdin)
    if sys.argv[1] == "better-profanity":
        profanity = importlib.import_module("better_profanity").profanity
        profanity.load_censor_words()
        scores = [float(profanity.contains_profanity(text)) for text in texts]
    else:
        check = importlib.import_module("profanity_check")
        scores = [float(score) for score in check.predict_prob(texts)]
    json.dump(scores, sys.stdout)


if __name__ == "__main__":
    main()

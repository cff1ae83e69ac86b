"""How well a policy tells texts apart: figures with intervals, from labelled texts."""

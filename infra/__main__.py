"""``python -m infra`` is ``streamkeeper``, for where the command is not on the path."""

from infra.entry import main

main()

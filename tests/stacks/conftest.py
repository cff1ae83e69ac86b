"""The code of the stacks is for their functions; it is not imported here."""

collect_ignore_glob = ["*/src/*", "*/layer/*"]

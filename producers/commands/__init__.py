"""The commands of producers; each also runs as a script: ``python -m producers.commands.load``."""

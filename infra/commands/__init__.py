"""The commands of ``streamkeeper``, one module each."""

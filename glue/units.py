"""Sizes in bytes. Each number once."""

KIB = 1024
MIB = 1024 * KIB

"""The detectors, each behind the one protocol in :mod:`consumers.moderation.detectors.protocol`."""

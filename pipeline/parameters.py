"""What a compiled pipeline leaves open until a run begins."""

SPAN = "span"
"""Number of the span to read; `LATEST` for the one that the settings name, or the latest."""

LATEST = -1

FINGERPRINT = "fingerprint"
"""Of everything that the run depends on: goes into the manifest of a release."""

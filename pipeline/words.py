"""Names from settings and records as people read them: in charts, on pages."""

from __future__ import annotations

_INITIALS = {"auc", "pr", "f1", "psi"}

_PROPER = {
    "l_infinity": "L-infinity",
    "jensen_shannon": "Jensen-Shannon",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov",
    "chi_square": "chi-square",
    "hellinger": "Hellinger",
    "wasserstein": "Wasserstein",
}


def plain_name(name: str) -> str:
    """A name with spaces, initials in capitals, and those of people as they write them.

    >>> plain_name("binary_accuracy"), plain_name("auc_pr"), plain_name("jensen_shannon")
    ('binary accuracy', 'AUC PR', 'Jensen-Shannon')
    """
    return _PROPER.get(name) or " ".join(word.upper() if word in _INITIALS else word for word in name.split("_"))


def heading(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]

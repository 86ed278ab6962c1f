"""Names from settings and records as people read them: in charts, on pages."""

from __future__ import annotations

_INITIALS = {"auc", "pr", "f1", "psi"}


def plain_name(name: str) -> str:
    """A name with spaces, initials in capitals.

    >>> plain_name("binary_accuracy"), plain_name("auc_pr")
    ('binary accuracy', 'AUC PR')
    """
    return " ".join(word.upper() if word in _INITIALS else word for word in name.split("_"))


def heading(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]

r"""Texts that ML Metadata cannot write to PostgreSQL as they are.

Its C++ library asks PostgreSQL's to quote a text, takes the first and the last character for the quotes, and puts its
own around the rest. A text with a backslash is quoted as ` E'...'`, so what is sent then is `'E'...'`: no SQL, or
another statement than was meant. Settings and messages, which are recorded as JSON, are full of backslashes, so a
character for private use stands in for each of them, which is turned back when it is read.
"""

from __future__ import annotations

from typing import Any

STAND_IN = "\ue05c"
"""Stands for a backslash (U+005C) in the database."""

ENCODED, DECODED = {ord("\\"): STAND_IN}, {ord(STAND_IN): "\\"}


def encoded(text: str) -> str:
    """A text as it is written."""
    return text.translate(ENCODED)


def encode(message: Any) -> None:
    """Makes the texts of a message such that they can be written, in place."""
    if b"\\" in message.SerializeToString():
        _translate(message, ENCODED)


def decode(message: Any) -> None:
    """Makes the texts of a message what they were, in place."""
    if STAND_IN.encode() in message.SerializeToString():
        _translate(message, DECODED)


def _translate(message: Any, table: dict[int, str]) -> None:
    """Translates all texts of a message and of those in it; keys of maps are names, and left alone."""
    for field, value in message.ListFields():
        text = field.type == field.TYPE_STRING
        if field.type == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            kind = field.message_type.fields_by_name["value"]
            for key in value:
                if kind.type == kind.TYPE_MESSAGE:
                    _translate(value[key], table)
                elif kind.type == kind.TYPE_STRING:
                    value[key] = value[key].translate(table)
        elif field.is_repeated and text:
            value[:] = [each.translate(table) for each in value]
        elif field.is_repeated and field.type == field.TYPE_MESSAGE:
            for each in value:
                _translate(each, table)
        elif text:
            setattr(message, field.name, value.translate(table))
        elif field.type == field.TYPE_MESSAGE:
            _translate(value, table)

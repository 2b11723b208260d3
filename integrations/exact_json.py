"""JSON with exact numbers: what was read as Decimal is written, stored and read back digit for digit."""

import json
from decimal import Decimal
from typing import Any


def dumps(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(str(name), ensure_ascii=False)}:{dumps(item)}" for name, item in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(dumps, value))}]"
    return json.dumps(value, ensure_ascii=False)


def plain(number: Decimal) -> str:
    """ "100", "42.5": no exponent, no trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Encoder(json.JSONEncoder):
    """For models.JSONField."""

    def encode(self, o: Any) -> str:
        return dumps(o)


class Decoder(json.JSONDecoder):
    """For models.JSONField."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, parse_float=Decimal)

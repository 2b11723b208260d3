"""Statements that carry a whole set of rows."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson
import psycopg
from django.db import connection


def run_set(statement: str, params: dict[str, Any], *, is_prepared: bool = False) -> list[tuple]:
    """Run a statement whose parameters or rows are many.

    Bound by the server: Django's own cursor would quote them into the statement's text and have that parsed.
    `is_prepared` also spares the parsing and planning, where one plan suits all parameters.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, params, binary=True, prepare=is_prepared)
        return cursor.fetchall() if cursor.description else []


def array(numbers: Iterable[int]) -> str:
    """Numbers as the text of an array: much faster than a list that the driver has to look through."""
    return f"{{{','.join(map(str, numbers))}}}"


def recordset(rows: list[dict[str, Any]] | dict[str, Any]) -> str:
    """Rows for `json_to_recordset`, or one object; decimals keep every digit."""
    try:
        return orjson.dumps(rows, default=exact).decode()
    except orjson.JSONEncodeError:  # an integer of a caller's that 64 bits do not hold
        return json.dumps(rows, default=str)


def exact(value: object) -> object:
    return orjson.Fragment(str(value)) if isinstance(value, Decimal) else str(value)

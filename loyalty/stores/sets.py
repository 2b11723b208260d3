"""Statements that carry a whole set of rows."""

from typing import Any

import psycopg
from django.db import connection


def run_set(statement: str, params: dict[str, Any]) -> list[tuple]:
    """Run a statement whose parameters are large.

    Bound by the server: Django's own cursor would quote them into the statement's text and have that parsed.
    """
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []

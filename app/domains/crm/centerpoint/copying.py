"""Rows into tables by COPY: the quickest door PostgreSQL has, used wherever rows arrive by the thousand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection, sql

Record = Mapping[str, Any]


def copy_records(
    connection: Connection[Any],
    table: str,
    records: Sequence[Record],
    *,
    constant: Mapping[str, Any] | None = None,
    missing: Mapping[str, Any] | None = None,
) -> int:
    """Write the records, which share their keys, under the ids they carry; returns how many.

    `constant` is added to every row (the tenant); `missing` stands in for None where a column may not be empty.
    COPY writes explicit ids even into GENERATED ALWAYS columns; call `advance` when the last row is in.
    """
    if not records:
        return 0
    added, instead = dict(constant or {}), dict(missing or {})
    columns = list(records[0])
    fallback = {column: instead[column] for column in columns if column in instead}
    values = list(added.values())

    def rows() -> Iterable[list[Any]]:
        for record in records:
            if fallback:
                yield values + [
                    fallback.get(column) if (value := record[column]) is None else value for column in columns
                ]
            else:
                yield values + [record[column] for column in columns]

    return copy_rows(connection, table, [*added, *columns], rows())


def copy_rows(connection: Connection[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows already in the order of `columns`."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    written = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        write = copy.write_row
        for row in rows:
            write(row)
            written += 1
    return written


def first_free(connection: Connection[Any], tables: Iterable[str]) -> dict[str, int]:
    """The next id of each table. Only for a loader that is alone in the tables it fills."""
    free = {}
    for table in tables:
        query = sql.SQL("SELECT coalesce(max(id), 0) + 1 FROM {}").format(sql.Identifier(table))
        free[table] = connection.execute(query).fetchone()[0]  # type: ignore[index]
    return free


def advance(connection: Connection[Any], tables: Iterable[str]) -> None:
    """Move each table's identity past the ids that COPY wrote."""
    for table in tables:
        query = sql.SQL(
            "SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT coalesce(max(id), 1) FROM {table}))"
        ).format(name=sql.Literal(f'"{table}"'), table=sql.Identifier(table))
        connection.execute(query)

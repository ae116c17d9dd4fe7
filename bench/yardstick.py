"""The yardstick: the same rows by plain psycopg and a precompiled Jinja template, no framework, behind the same web server.

It signs nobody in, checks nothing and keeps no history: it is what the machine can do, not what a console should be.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import psycopg
from jinja2 import Environment

Start = Callable[[str, list[tuple[str, str]]], Any]

ROWS = """<table class="grid"><tbody>{% for r in rows %}<tr data-key="{{ r[0] }}">
<td><a href="{{ base }}/{{ r[0] }}">{{ r[1] }}</a></td><td>{{ r[2] if r[2] is not none }}</td>
<td>{{ r[3] if r[3] is not none }}</td>
<td>{{ r[4] if r[4] is not none }}</td><td>{{ r[5] if r[5] is not none }}</td><td>{{ r[6] if r[6] is not none }}</td>
<td>{{ r[7] if r[7] is not none }}</td><td>{{ r[8] if r[8] is not none }}</td><td>{{ r[9] if r[9] is not none }}</td>
<td>{{ r[10] if r[10] is not none }}</td></tr>
{% endfor %}</tbody></table>"""
FORM = """<form method="post">{% for name, value in fields %}<label>{{ name }}
<input name="{{ name }}" value="{{ value if value is not none }}"></label>
{% endfor %}<button>Save</button></form>"""

CUSTOMERS = """
SELECT p.id, p.name, p.number, p.status, p.bill_city, u.display_name, p.phone_e164, p.open_balance, p.rfm_segment,
       p.last_job_at, p.updated_at
FROM (SELECT id, name, number, status, bill_city, account_manager_id, phone_e164, open_balance, rfm_segment,
             last_job_at, updated_at
      FROM customers WHERE tenant_id = %s AND archived_at IS NULL ORDER BY updated_at DESC, id DESC LIMIT 51) p
LEFT JOIN app_users u ON u.id = p.account_manager_id ORDER BY p.updated_at DESC, p.id DESC"""
DECISIONS = """
SELECT p.id, p.question, a.name, p.kind, p.chosen, p.confidence, p.risk, p.status, p.total_cost, p.latency_ms, p.decided_at
FROM (SELECT id, question, agent_id, kind, chosen, confidence, risk, status, total_cost, latency_ms, decided_at
      FROM ai_decision_logs WHERE tenant_id = %s ORDER BY decided_at DESC, id DESC LIMIT 51) p
LEFT JOIN ai_agents a ON a.id = p.agent_id ORDER BY p.decided_at DESC, p.id DESC"""
RECORD = "SELECT * FROM customers WHERE tenant_id = %s AND id = %s"
CSV = """SELECT c.id, c.name, c.number, c.status, c.bill_city, c.account_manager_id, u.display_name, c.phone_e164,
c.open_balance, c.rfm_segment, c.last_job_at, c.updated_at FROM customers c LEFT JOIN app_users u ON u.id = c.account_manager_id
WHERE c.tenant_id = %s AND c.archived_at IS NULL AND c.updated_at <= %s ORDER BY c.updated_at DESC, c.id DESC"""


class Yardstick:
    """One connection, two templates, six addresses."""

    def __init__(self, url: str, schema: str, tenant: int) -> None:
        options = f"-c search_path={schema},public"
        self.connection = psycopg.connect(url, autocommit=True, options=options)
        self.writer = psycopg.connect(url, options=options)
        self.tenant = tenant
        environment = Environment(autoescape=True)
        self.rows, self.form = environment.from_string(ROWS), environment.from_string(FORM)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        asked = parse_qs(environ.get("QUERY_STRING", ""))
        if path == "/csv":
            start("200 OK", [("Content-Type", "text/csv; charset=utf-8")])
            return self._csv(asked["upto"][0])
        body = self._page(path, asked).encode()
        start("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    def _page(self, path: str, asked: dict[str, list[str]]) -> str:
        if path == "/customers":
            rows = self.connection.execute(CUSTOMERS, (self.tenant,)).fetchall()
            return self.rows.render(rows=rows[:50], base="/crm/customers")
        if path == "/decisions":
            rows = self.connection.execute(DECISIONS, (self.tenant,)).fetchall()
            return self.rows.render(rows=rows[:50], base="/ai/ai_decision_logs")
        key = int(asked["id"][0])
        if path == "/form":
            cursor = self.connection.execute(RECORD, (self.tenant, key))
            row = cursor.fetchone()
            assert row is not None
            assert cursor.description is not None
            return self.form.render(
                fields=[(column.name, value) for column, value in zip(cursor.description, row, strict=True)]
            )
        return self._save(key, asked["city"][0])

    def _save(self, key: int, city: str) -> str:
        with self.writer.transaction():
            version = self.writer.execute("SELECT version FROM customers WHERE id = %s", (key,)).fetchone()
            assert version is not None
            self.writer.execute(
                "UPDATE customers SET bill_city = %s WHERE id = %s AND version = %s", (city, key, version[0])
            )
        return "saved"

    def _csv(self, upto: str) -> Iterable[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        with self.writer.transaction(), self.writer.cursor(name="csv") as cursor:
            cursor.itersize = 2000
            cursor.execute(CSV, (self.tenant, upto))
            while batch := cursor.fetchmany(2000):
                writer.writerows(batch)
                yield buffer.getvalue().encode()
                buffer.seek(0)
                buffer.truncate()


app = Yardstick(
    os.environ["YARDSTICK_URL"],
    os.environ.get("CONSOLE_SCHEMA", "console"),
    int(os.environ.get("YARDSTICK_TENANT", "1")),
)

"""SQL queries: statements of the SQL desk kept under a name, for oneself or shared with all who may ask there."""

from __future__ import annotations

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.engine.access import Actor
from app.engine.fields import NEVER, Flag, Moment, Reference, Tags, Text
from app.engine.records import Record, Standard, flag, ref, text_, texts
from app.engine.resource import Related, Resource


class SqlQuery(Record, Standard):
    __tablename__ = "sql_queries"
    app_user_id: Mapped[int] = ref("app_users", "C")
    name: Mapped[str] = text_()
    about: Mapped[str | None] = text_()
    statement: Mapped[str] = text_()
    parameters: Mapped[list[str]] = texts()
    shared: Mapped[bool] = flag()


def mine(actor: Actor) -> ColumnElement[bool]:
    return SqlQuery.app_user_id == actor.app_user_id


sql_queries = Resource(
    SqlQuery,
    title="name",
    label="Kept SQL queries",
    singular="query",
    icon="star",
    about="Queries of the SQL desk under a name. One that is shared is open to everyone who may ask there.",
    area="sql",
    read_only="A query is written, shared and deleted at the SQL desk, where it can be tried.",
    search=("name", "about"),
    sort="name",
    create=False,
    related=(Related("sql_runs", via="query_id", label="Sent", sort="-created_at"),),
    scopes={"Mine": mine, "Shared": SqlQuery.shared.is_(True)},
    fields=(
        Text("name", edit=NEVER, longest=80, width="l"),
        Text("about", label="What for", edit=NEVER, width="l"),
        Reference("app_user_id", label="Belongs to", to="app_users", as_="person", edit=NEVER, filter=True),
        Flag("shared", edit=NEVER, filter=True),
        Tags("parameters", label="Asks for", edit=NEVER),
        Text("statement", long=True, edit=NEVER, list=False, personal=True),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
)

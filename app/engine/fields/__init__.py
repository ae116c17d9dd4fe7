"""Field types: how a column is read from text, kept, filtered, shown and taken out. One type a file."""

from app.engine.fields.choice import Choice
from app.engine.fields.date import Date
from app.engine.fields.email import Email
from app.engine.fields.field import BULK, CREATE, FORM, INLINE, NEVER, Edit, Field, Invalid
from app.engine.fields.flag import Flag
from app.engine.fields.json import Json
from app.engine.fields.link import Link
from app.engine.fields.moment import Moment
from app.engine.fields.number import Cost, Count, Duration, Money, Percent, Quantity
from app.engine.fields.phone import Phone
from app.engine.fields.reference import Reference
from app.engine.fields.secret import Secret
from app.engine.fields.size import Size
from app.engine.fields.subject import SubjectLink
from app.engine.fields.tags import Tags
from app.engine.fields.text import Code, Text, Url

__all__ = [
    "BULK", "CREATE", "FORM", "INLINE", "NEVER",
    "Choice", "Code", "Cost", "Count", "Date", "Duration", "Edit", "Email", "Field", "Flag", "Invalid", "Json", "Link",
    "Moment", "Money", "Percent", "Phone", "Quantity", "Reference", "Secret", "Size", "SubjectLink", "Tags", "Text", "Url",
]  # fmt: skip

"""Field types: how a column is read from text, kept, filtered, shown and taken out. One type a file."""

from app.engine.fields.choice import Choice
from app.engine.fields.date import Date
from app.engine.fields.email import Email
from app.engine.fields.field import BULK, CREATE, FORM, IN_PLACE, INLINE, NEVER, Edit, Field, Invalid
from app.engine.fields.flag import Flag
from app.engine.fields.instant import Day, Instant
from app.engine.fields.json import Json
from app.engine.fields.link import Link
from app.engine.fields.maybe import Maybe
from app.engine.fields.moment import Moment
from app.engine.fields.number import Cost, Count, Duration, Money, Percent, Quantity
from app.engine.fields.phone import Phone
from app.engine.fields.plain import Exact, Plain
from app.engine.fields.pointer import Pointer
from app.engine.fields.reference import Reference
from app.engine.fields.secret import Secret
from app.engine.fields.size import Size
from app.engine.fields.subject import SubjectLink
from app.engine.fields.tags import Tags
from app.engine.fields.text import Code, Text, Url
from app.engine.fields.verbatim import Verbatim
from app.engine.fields.whole import Whole

__all__ = [
    "BULK", "CREATE", "FORM", "INLINE", "IN_PLACE", "NEVER",
    "Choice", "Code", "Cost", "Count", "Date", "Day", "Duration", "Edit", "Email", "Exact", "Field", "Flag", "Instant", "Invalid",
    "Json", "Link", "Maybe", "Moment", "Money", "Percent", "Phone", "Plain", "Pointer", "Quantity", "Reference", "Secret", "Size",
    "SubjectLink", "Tags", "Text", "Url", "Verbatim", "Whole",
]  # fmt: skip

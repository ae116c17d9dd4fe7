"""User profiles: how each sign-in wants to be addressed and shown the console."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Mapped

from app.domains.auth.app_users import AppUser
from app.engine.fields import NEVER, Choice, Code, Flag, Json, Moment, Phone, Reference, Text
from app.engine.records import Global, Record, choice, flag, json_, ref, text_
from app.engine.resource import Resource


class UserProfile(Record, Global):
    __tablename__ = "user_profiles"
    user_id: Mapped[int] = ref("users", "C")
    full_name: Mapped[str] = text_()
    preferred_name: Mapped[str | None] = text_()
    avatar_file_id: Mapped[int | None] = ref("file_metadata", "N")
    phone_e164: Mapped[str | None] = text_()
    timezone: Mapped[str] = text_(server_default="UTC")
    locale: Mapped[str] = text_(server_default="en-US")
    date_format: Mapped[str] = text_(server_default="YYYY-MM-DD")
    theme: Mapped[str] = choice("system", "light", "dark", default="system")
    density: Mapped[str] = choice("comfortable", "compact", default="comfortable")
    single_keys: Mapped[bool] = flag("true")
    edits: Mapped[str] = choice("once", "collect", default="once")
    landing_screen: Mapped[str | None] = text_()
    notification_prefs: Mapped[dict[str, Any]] = json_("{}")
    signature_html: Mapped[str | None] = text_()


def of_people_here(tenant_id: int) -> ColumnElement[bool]:
    return UserProfile.user_id.in_(select(AppUser.user_id).where(AppUser.tenant_id == tenant_id))


user_profiles = Resource(
    UserProfile,
    title="full_name",
    label="Personal settings",
    singular="personal settings",
    icon="user",
    nav=("People and access", 83),
    about="Name, zone, theme and density of each sign-in, as chosen by that person.",
    area="sessions",
    within=of_people_here,
    search=("full_name", "preferred_name"),
    sort="full_name",
    read_only="Personal settings belong to the person, who changes them under Account.",
    fields=(
        Text("full_name", edit=NEVER, width="l"),
        Text("preferred_name", label="Called", edit=NEVER),
        Reference("user_id", label="Sign-in", to="users", edit=NEVER, filter=True),
        Phone("phone_e164", label="Phone", edit=NEVER),
        Code("timezone", label="Time zone", edit=NEVER, filter=True),
        Choice("theme", edit=NEVER, filter=True),
        Choice("density", edit=NEVER, filter=True),
        Flag("single_keys", label="Single-key shortcuts", edit=NEVER, list=False, yes="on", no="off"),
        Choice("edits", label="Changes of values", edit=NEVER, list=False),
        Code("locale", label="Language and format", edit=NEVER, list=False),
        Code("date_format", edit=NEVER, list=False),
        Code("landing_screen", label="Opens with", edit=NEVER, list=False),
        Json("notification_prefs", label="Notifications", edit=NEVER),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
)

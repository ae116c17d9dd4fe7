"""API keys: what programs sign in with, whose they are, what they may do and when they were last used."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, and_, func, or_
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.access import Actor
from app.engine.fields import INLINE, NEVER, Choice, Code, Count, Moment, Reference, Secret, Tags, Text
from app.engine.fields.field import Invalid
from app.engine.records import Record, Standard, bigint, choice, integer, moment, ref, text_, texts
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class UserApiKey(Record, Standard):
    __tablename__ = "user_api_keys"
    app_user_id: Mapped[int] = ref("app_users", "C")
    name: Mapped[str] = text_()
    prefix: Mapped[str] = text_()
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = texts()
    allowed_ips: Mapped[list[str] | None] = texts(default=None)
    rate_limit_per_min: Mapped[int] = integer("120")
    status: Mapped[str] = choice("active", "revoked", default="active")
    expires_at: Mapped[datetime | None] = moment()
    last_used_at: Mapped[datetime | None] = moment()
    last_used_ip: Mapped[Any] = mapped_column(INET, nullable=True)
    use_count: Mapped[int] = bigint("0")
    revoked_at: Mapped[datetime | None] = moment()
    revoked_by: Mapped[int | None] = ref("app_users", "N")
    rotated_from_id: Mapped[int | None] = ref("user_api_keys", "N")


ACTIVE = UserApiKey.status == "active"


@dataclass(frozen=True)
class Networks(Tags):
    """Addresses or ranges of them; one that cannot be read would silently let nobody in."""

    def parse(self, typed: str) -> Any:
        words = super().parse(typed)
        for word in words:
            try:
                ipaddress.ip_network(word)
            except ValueError:
                raise Invalid(f"“{word[:40]}” is no address or range; write them like 203.0.113.0/24.") from None
        return words


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(ACTIVE, UserApiKey.app_user_id == actor.app_user_id)


def revoked(moving: Moving) -> Mapping[str, Any]:
    return {"revoked_at": moving.at, "revoked_by": moving.actor.app_user_id}


user_api_keys = Resource(
    UserApiKey,
    title="name",
    code="prefix",
    label="API keys",
    singular="API key",
    icon="key",
    nav=("People and access", 70),
    about=(
        "What programs sign in with: whose keys they are, what they may do, from where, and when they were last used."
        " New ones are made under Your account, API keys."
    ),
    area="apikeys",
    own="app_user_id",
    create=False,
    search=("name", "prefix"),
    sort="-created_at",
    opens="Active",
    scopes={
        "Active": ACTIVE,
        "Mine": mine,
        "Expiring in 30 days": and_(ACTIVE, UserApiKey.expires_at < func.now() + func.make_interval(0, 0, 0, 30)),
        "Unused for 90 days": and_(
            ACTIVE,
            or_(
                UserApiKey.last_used_at < func.now() - func.make_interval(0, 0, 0, 90),
                and_(
                    UserApiKey.last_used_at.is_(None),
                    UserApiKey.created_at < func.now() - func.make_interval(0, 0, 0, 90),
                ),
            ),
        ),
        "From anywhere": and_(ACTIVE, UserApiKey.allowed_ips.is_(None)),
        "Revoked": UserApiKey.status == "revoked",
    },
    facts=("app_user_id", "status", "expires_at", "last_used_at", "use_count", "rate_limit_per_min", "revoked_at"),
    related=(
        Related(
            "user_api_keys", "rotated_from_id", label="Replaced by", fields=("name", "prefix", "status", "created_at"),
        ),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="active",
        frozen={"revoked": ("*",)},
        why_frozen="A revoked key stays revoked; make a new one instead.",
        transitions=(
            Transition(
                "revoke", "Revoke key", ("active",), "revoked", "apikeys.revoke", reason=True, effects=(revoked,),
                danger=True, done="revoked",
            ),
        ),
    ),
    sentences={
        "ck_user_api_keys_rate_limit_per_min": ("rate_limit_per_min", "Allow at least one request a minute."),
    },
    fields=(
        Text("name", label="Key", required=True, edit=INLINE, longest=80, width="l", help="Which program uses it."),
        Code("prefix", edit=NEVER, filter=True, width="s", help="How the key begins; the rest was shown once."),
        Reference("app_user_id", label="Belongs to", to="app_users", as_="person", edit=NEVER, filter=True),
        Choice("status", edit=NEVER, filter=True, tones={"active": "ok done", "revoked": "mute off"}),
        Tags(
            "scopes", label="May do", edit=NEVER, filter=True,
            help="Never more than the person it belongs to; a key with other permissions is another key.",
        ),
        Moment("last_used_at", label="Last used", edit=NEVER, filter=True),
        Count("use_count", label="Uses", edit=NEVER, filter=True),
        Moment(
            "expires_at", label="Expires", planned=True, due=True, edit=INLINE, filter=True, required=True,
            help="From then on it opens nothing.",
        ),
        Networks(
            "allowed_ips", label="Only from", list=False, filter=True, group="Limits",
            help="Addresses or ranges, like 203.0.113.0/24; blank means from anywhere.",
        ),
        Count(
            "rate_limit_per_min", label="Requests a minute", least=1, most=100_000, edit=INLINE, list=False, filter=True,
            group="Limits",
        ),
        Code(
            "last_used_ip", label="Last used from", edit=NEVER, list=False, personal=True, sort=False, group="Use",
            expr=lambda: func.host(UserApiKey.last_used_ip),
        ),
        Reference(
            "rotated_from_id", label="Replaces", to="user_api_keys", edit=NEVER, list=False, filter=True, group="Use",
        ),
        Moment("revoked_at", label="Revoked", edit=NEVER, list=False, filter=True, group="Use"),
        Reference(
            "revoked_by", label="Revoked by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Use",
        ),
        Secret("key_hash", label="Fingerprint", group="Use"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip

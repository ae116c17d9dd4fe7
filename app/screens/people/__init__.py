"""People who can sign in: what they may, whether they are here, and the buttons that let them in or shut them out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional, Regexp

from app.core import clock
from app.core.db import reading
from app.domains.auth import granting, refresh
from app.domains.auth import people as staff
from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.approval_rules import Need
from app.engine.refusals import BadQuery, Rejected
from app.screens.people import reads
from app.web import second_person, session_rows
from app.web.navigation import place
from app.web.receipts import say
from app.web.security import confirm_first, needs
from app.web.session import address, current_actor, current_session, request_id

blueprint = Blueprint("people", __name__, url_prefix="/people")
place("People and access", 0, "People", "/people", "users", "users.create")

EMAIL = r"^[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\"]{2,}$"


def _whole(value: object) -> int:
    """The id a choice carries; 0 stands for none."""
    return int(str(value)) if str(value).isascii() and str(value).isdigit() and len(str(value)) < 19 else 0


class InviteForm(FlaskForm):
    """Somebody new, and what they shall do here."""

    name = StringField("Full name", [InputRequired("Enter the person's name."), Length(max=200)])
    email = StringField(
        "Work email",
        [
            InputRequired("Enter their work email."),
            Length(max=320),
            Regexp(EMAIL, message="Enter an address like name@company.com."),
        ],
    )
    role = SelectField("Role", coerce=_whole, validate_choice=False, default=0)


class GrantForm(FlaskForm):
    """A role, for good or until the end of a day."""

    role = SelectField("Role", coerce=_whole, validate_choice=False)
    until = DateField("Until", [Optional()])


@blueprint.get("")
@needs("users.read")
def index() -> str:
    """Everyone with a sign-in, by name."""
    actor, asked = current_actor(), request.args
    status, find = asked.get("status") or None, (asked.get("q") or "").strip()[:100] or None
    if status is not None and status not in reads.STATUSES:
        raise BadQuery(f"A status is one of {', '.join(reads.STATUSES)}.")
    after = asked.get("after")
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise BadQuery("This is not a place in the list of people.")
    rows = reads.people(reading(), actor.tenant_id, find=find, status=status, after=int(after) if after else None)
    counts = reads.counts(reading(), actor.tenant_id)
    return render_template(
        "screens/people/list.html",
        people=rows[: reads.PAGE],
        next=rows[reads.PAGE - 1].id if len(rows) > reads.PAGE else None,
        counts=counts,
        total=sum(counts.values()),
        status=status,
        find=find,
        after=after,
        page_title="People",
        crumbs=[("People", None)],
    )


@blueprint.get("/invite")
@needs("users.create")
def invitation() -> Response:
    """The form for somebody new."""
    return _invitation(InviteForm(formdata=None))


@blueprint.post("/invite")
@needs("users.create")
def invite() -> Response:
    """Make the person and show their one-time link, once."""
    form, actor = InviteForm(), current_actor()
    if not form.validate():
        return _invitation(form, 422)
    later = granting.needed_to_give(reading(), actor, form.role.data) if form.role.data else None
    try:
        with change(actor, action="user.invite", request_id=request_id(), ip=address()) as connection:
            key, token = staff.invite(
                connection,
                actor,
                email=form.email.data or "",
                name=form.name.data or "",
                role_id=None if later else form.role.data or None,
                ip=address(),
            )
            if later is not None:
                reason = f"{form.name.data} was invited by {actor.name} to work as this."
                granting.ask_to_give(connection, actor, later, key, form.role.data, None, reason, None)
    except Rejected as refused:
        for name, sentence in refused.errors.items():
            form[name or "email"].errors = [sentence]
        return _invitation(form, 422)
    if later is not None:
        say("Invited. Somebody else decides on the role; until then they may sign in and see nothing")
    return _show(key, secret=_link("invite", token))


@blueprint.get("/<int:key>")
@needs("users.read")
def show(key: int) -> Response:
    """One person: roles, sessions, and what may be done about them."""
    return _show(key)


@blueprint.post("/<int:key>/suspend")
@needs("users.deactivate")
def suspend(key: int) -> Response:
    """Shut a person out at once, wherever they are signed in."""
    reason = request.form.get("reason", "").strip()[:500]
    if not reason:
        return _show(key, 422, errors={"reason": "Say why, for whoever reads the history later."})
    return _do(key, "user.suspend", lambda c, a: _shut_out(c, staff.suspend(c, a, key)), "{} suspended", reason)


@blueprint.post("/<int:key>/reactivate")
@needs("users.deactivate")
def reactivate(key: int) -> Response:
    """Let a suspended person in again."""
    return _do(key, "user.reactivate", lambda c, a: staff.reactivate(c, a, key), "{} let in again")


@blueprint.post("/<int:key>/link")
@needs("users.reset")
def new_link(key: int) -> Response:
    """A one-time link with which the person chooses a password; shown once."""
    if (asking := confirm_first(url_for("people.show", key=key))) is not None:
        return asking
    actor = current_actor()
    try:
        with change(actor, action="user.link", request_id=request_id(), ip=address()) as connection:
            purpose, token = staff.new_link(connection, actor, key, address())
    except Rejected as refused:
        return _show(key, 422, errors=refused.errors)
    return _show(key, secret=_link("invite" if purpose == "invite" else "reset", token))


@blueprint.post("/<int:key>/password")
@needs("users.reset")
def hand_out(key: int) -> Response:
    """A password to tell the person; shown once, good until they replace it at the first sign-in."""
    if (asking := confirm_first(url_for("people.show", key=key))) is not None:
        return asking
    actor = current_actor()
    try:
        with change(actor, action="user.reset", request_id=request_id(), ip=address()) as connection:
            person, password = staff.hand_out_password(connection, actor, key)
            _shut_out(connection, person)
    except Rejected as refused:
        return _show(key, 422, errors=refused.errors)
    note = f"Tell it to {person.name}. It is shown this once, and has to be replaced at the first sign-in."
    return _show(key, secret=("Password", password, note))


@blueprint.post("/<int:key>/roles")
@needs("roles.write")
def grant(key: int) -> Response:
    """Give a role."""
    form = GrantForm()
    if not form.validate() or not form.role.data:
        return _show(key, 422, errors={"role": "Choose a role, and a date like 2026-08-31 if it is for a time only."})
    until = _end_of(form.until.data, current_actor().timezone)
    if until is not None and until <= clock.now():
        return _show(key, 422, errors={"until": "Choose a day that is not over yet."})

    if (need := granting.needed_to_give(reading(), current_actor(), form.role.data)) is not None:
        return _ask_to_give(key, form.role.data, until, need)

    def give(connection: staff.Connection, actor: Actor) -> staff.Person:
        staff.grant(connection, actor, key, form.role.data, until)
        return _renew(connection, staff.Person(connection, actor, key))

    return _do(key, "user.grant", give, "Role given to {}")


def _ask_to_give(key: int, role: int, until: datetime | None, need: Need) -> Response:
    """The same as a request: why, until when, and who decides it."""
    here, actor = url_for("people.show", key=key), current_actor()
    if (asking_password := confirm_first(here)) is not None:
        return asking_password
    errors: dict[str, str] = {}
    if second_person.was_asked():
        try:
            with second_person.changing(actor) as connection:
                expires, reason = second_person.until(actor), request.form.get("reason", "")
                made = granting.ask_to_give(connection, actor, need, key, role, until, reason, expires)
            return second_person.told(made)
        except Rejected as refused:
            if not refused.errors.keys() <= {"reason", "expires", ""}:
                return _show(key, 422, errors=refused.errors)
            errors = refused.errors
    person = reads.person(reading(), actor.tenant_id, key)
    trail: list[tuple[str, str | None]] = [("People", url_for("people.index")), (person.display_name, here)]
    offered = second_person.offer(need, actor, errors.get("expires", ""))
    return second_person.page(f"Give {person.display_name} a role", offered, here, trail, errors)


@blueprint.post("/<int:key>/roles/<int:grant_id>/revoke")
@needs("roles.write")
def revoke(key: int, grant_id: int) -> Response:
    """Take a role away; the person's next click is answered without it."""
    return _do(key, "user.revoke", lambda c, a: _renew(c, staff.revoke(c, a, key, grant_id)), "Role taken from {}")


@blueprint.post("/<int:key>/sessions/end")
@needs("sessions.revoke")
def end_sessions(key: int) -> Response:
    """Sign a person out everywhere."""
    found = reads.person(reading(), current_actor().tenant_id, key)
    if found.user_id is None:
        raise Rejected({"": f"{found.display_name} has no sign-in."})
    with transaction() as connection:
        ended = session_rows.end(connection, "revoked", user_id=found.user_id)
        refresh.end_all(connection, found.user_id, "admin")
    say(f"{found.display_name} signed out in {ended} {'place' if ended == 1 else 'places'}")
    return redirect(url_for("people.show", key=key), 303)


def _do(key: int, action: str, work: staff.Work, said: str, reason: str | None = None) -> Response:
    """One change to a person, in the ledger; a refusal comes back on the person's page."""
    if (asking := confirm_first(url_for("people.show", key=key))) is not None:
        return asking
    actor = current_actor()
    try:
        with change(actor, action=action, reason=reason, request_id=request_id(), ip=address()) as connection:
            person = work(connection, actor)
    except Rejected as refused:
        return _show(key, 422, errors=refused.errors)
    say(said.format(person.name))
    return redirect(url_for("people.show", key=key), 303)


def _shut_out(connection: staff.Connection, person: staff.Person) -> staff.Person:
    if person.user_id is not None:
        session_rows.end(connection, "revoked", user_id=person.user_id)
    return person


def _renew(connection: staff.Connection, person: staff.Person) -> staff.Person:
    if person.user_id is not None:
        session_rows.mark_for_renewal(connection, person.user_id)
    return person


def _end_of(day: date | None, zone: str) -> datetime | None:
    """The end of a day as the person who chose it lives it."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time(), clock.zone_of(zone)).astimezone(UTC)


def _link(kind: str, token: str) -> tuple[str, str, str]:
    base = current_app.extensions["console.config"].address  # never from the request, whose Host a stranger may choose
    path = url_for("sign_in.link", kind=kind, token=token)
    lasts = "seven days" if kind == "invite" else "24 hours"
    return "One-time link", base + path, f"Send it to the person. It is shown this once, works once, and for {lasts}."


def _show(
    key: int, status: int = 200, *, errors: dict[str, str] | None = None, secret: tuple[str, str, str] | None = None
) -> Response:
    actor, connection = current_actor(), reading()
    person = reads.person(connection, actor.tenant_id, key)
    page = render_template(
        "screens/people/show.html",
        person=person,
        grants=reads.grants(connection, key),
        sessions=reads.sessions(connection, actor.tenant_id, person.user_id) if actor.may("sessions.read") else None,
        roles=_grantable(actor) if actor.may("roles.write") else [],
        this_session=getattr(current_session().standing, "id", None),
        errors=errors or {},
        asked=request.form if status != 200 else {},
        secret=secret,
        page_title=person.display_name,
        crumbs=[("People", url_for("people.index")), (person.display_name, None)],
    )
    return make_response(page, status)


def _invitation(form: InviteForm, status: int = 200) -> Response:
    page = render_template(
        "screens/people/invite.html",
        form=form,
        roles=_grantable(current_actor()) if current_actor().may("roles.write") else [],
        page_title="Invite a person",
        crumbs=[("People", url_for("people.index")), ("Invite a person", None)],
    )
    return make_response(page, status)


def _grantable(actor: Actor) -> list[tuple[int, str]]:
    """The roles this person may give: none that holds more than they do."""
    rows = reads.roles(reading(), actor.tenant_id)
    return [(row.id, row.name) for row in rows if not staff.beyond(actor, row.permissions)]

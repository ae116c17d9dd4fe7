"""One's own account: name, time zone, looks, password, and every place one is signed in."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy import text
from sqlalchemy.engine import Row
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, ValidationError

from app.core.db import reading
from app.domains.auth import people, refresh, sign_ins, throttle
from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.passwords import matches, weakness
from app.engine.refusals import NotFound
from app.web import receipts, session_rows
from app.web.security import is_fragment, local_path, reachable_before_change, signed_in
from app.web.session import address, current_actor, current_session, request_id

blueprint = Blueprint("account", __name__, url_prefix="/account")
THEMES = (("system", "Like this computer"), ("light", "Light"), ("dark", "Dark"))
DENSITIES = (("comfortable", "Comfortable"), ("compact", "Compact"))
EDITS = (("once", "Save each change at once"), ("collect", "Collect changes and save them together"))
LOOKS = {
    "theme": frozenset(dict(THEMES)),
    "density": frozenset(dict(DENSITIES)),
    "keys": frozenset(("on", "off")),
    "edits": frozenset(dict(EDITS)),
}

_OWN = text("""
SELECT u.email, u.password_changed_at, u.last_login_at, a.job_title, coalesce(p.full_name, a.display_name) AS full_name,
       p.preferred_name
FROM users u JOIN app_users a ON a.id = :app_user_id LEFT JOIN user_profiles p ON p.user_id = u.id WHERE u.id = :user_id
""")
_SESSIONS = text("""
SELECT s.id, s.ip::text AS ip, h.device_label, h.started_at, s.last_seen_at, s.absolute_expires_at
FROM sessions s LEFT JOIN user_sessions h ON h.id = s.user_session_id
WHERE s.user_id = :user_id AND s.idle_expires_at > now() ORDER BY s.last_seen_at DESC LIMIT 50
""")
_ATTEMPTS = text("""
SELECT id, started_at, outcome, ip::text AS ip, device_label, ended_at, end_reason
FROM user_sessions WHERE user_id = :user_id ORDER BY started_at DESC LIMIT 10
""")
_ENSURE = text("""
INSERT INTO user_profiles (user_id, full_name, timezone) VALUES (:user_id, :name, :zone) ON CONFLICT (user_id) DO NOTHING
""")
_LOOK = text("""
UPDATE user_profiles SET theme = coalesce(:theme, theme), density = coalesce(:density, density),
       single_keys = coalesce(CAST(:keys AS text) = 'on', single_keys), edits = coalesce(:edits, edits)
WHERE user_id = :id AND (theme, density, single_keys, edits) IS DISTINCT FROM
      (coalesce(:theme, theme), coalesce(:density, density), coalesce(CAST(:keys AS text) = 'on', single_keys),
       coalesce(:edits, edits))
""")


class ProfileForm(FlaskForm):
    """What a person may say about themselves."""

    full_name = StringField(
        "Full name", [InputRequired("Enter your name."), Length(max=200, message="Use at most 200 characters.")]
    )
    preferred_name = StringField("Preferred name", [Length(max=100, message="Use at most 100 characters.")])
    timezone = StringField("Time zone", [InputRequired("Enter a time zone, like America/Denver.")])
    theme = SelectField("Theme", choices=[SelectChoice(*each) for each in THEMES])
    density = SelectField("Density", choices=[SelectChoice(*each) for each in DENSITIES])
    edits = SelectField("Changes of single values", choices=[SelectChoice(*each) for each in EDITS], default="once")

    def validate_timezone(self, field: StringField) -> None:
        if field.data not in available_timezones():
            raise ValidationError("Choose a time zone from the list, like America/Denver.")


class ChangePasswordForm(FlaskForm):
    """The present password and the new one, twice."""

    current = PasswordField("Current password", [InputRequired("Enter your current password.")])
    password = PasswordField("New password", [InputRequired("Enter a new password.")])
    again = PasswordField("The same again", [InputRequired("Enter it a second time.")])

    about: tuple[str, ...] = ()

    def validate_password(self, field: PasswordField) -> None:
        sentence = weakness(field.data or "", self.about)
        if sentence is None and field.data == self.current.data:
            sentence = "This is the password you have now. Choose another."
        if sentence:
            raise ValidationError(sentence)

    def validate_again(self, field: PasswordField) -> None:
        if field.data != self.password.data:
            raise ValidationError("The two are not the same. Type the new password again.")


class ConfirmForm(FlaskForm):
    """One's password once more, before something that cannot easily be taken back."""

    password = PasswordField("Password", [InputRequired("Enter your password.")])
    next = HiddenField()


@blueprint.get("")
@signed_in
def show() -> Response:
    """The account page."""
    return _page(None)


@blueprint.post("")
@signed_in
def save() -> Response:
    """Keep name, time zone and looks."""
    form = ProfileForm()
    if not form.validate():
        return _page(form, 422)
    actor = current_actor()
    values = {
        field.name: (field.data or "").strip()
        for field in (form.full_name, form.timezone, form.theme, form.density, form.edits)
    }
    with change(actor, action="user.profile", request_id=request_id(), ip=address()) as connection:
        connection.execute(_ENSURE, {"user_id": actor.user_id, "name": actor.name, "zone": actor.timezone})
        connection.execute(
            text("""UPDATE user_profiles SET full_name = :full_name, preferred_name = nullif(:preferred, ''),
                    timezone = :timezone, theme = :theme, density = :density, edits = :edits WHERE user_id = :user_id"""),
            values | {"preferred": (form.preferred_name.data or "").strip(), "user_id": actor.user_id},
        )
        connection.execute(
            text("UPDATE app_users SET display_name = :name WHERE id = :id AND display_name <> :name"),
            {"name": (form.preferred_name.data or "").strip() or values["full_name"], "id": actor.app_user_id},
        )
    receipts.say("Profile saved")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/theme")
@blueprint.post("/density", endpoint="density")
@signed_in
def theme() -> Response:
    """Light, dark, or whatever the computer says; how close together rows stand; whether single keys act; how edits are saved."""
    actor = current_actor()
    chosen = {name: request.form[name] for name in LOOKS if name in request.form}
    if not chosen or any(value not in LOOKS[name] for name, value in chosen.items()):
        raise BadRequest(
            "Theme is one of: system, light, dark. Density is one of: comfortable, compact. Keys are on or off."
            " Edits are one of: once, collect."
        )
    with change(actor, action="user.looks", request_id=request_id()) as connection:
        connection.execute(_ENSURE, {"user_id": actor.user_id, "name": actor.name, "zone": actor.timezone})
        connection.execute(
            _LOOK, {"theme": None, "density": None, "keys": None, "edits": None, "id": actor.user_id} | chosen
        )
    if is_fragment():
        return make_response("", 204)
    return redirect(local_path(request.form.get("next"), url_for("account.show")), 303)


@blueprint.post("/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> Response:
    """Sign out one of one's own other places."""
    actor = current_actor()
    own = {row.id for row in reading().execute(_SESSIONS, {"user_id": actor.user_id})}
    if session_id not in own:
        raise NotFound("That session is over already.")
    with transaction() as connection:
        session_rows.end(connection, "revoked", session_id=session_id, user_id=actor.user_id)
    receipts.say("Signed out there")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/sign-out-everywhere")
@signed_in
def leave_everywhere() -> Response:
    """End every session of this person, this one included."""
    session, actor = current_session(), current_actor()
    with transaction() as connection:
        session_rows.end(connection, "logout", user_id=actor.user_id)
        refresh.end_all(connection, actor.user_id or 0, "logout")
    session.over()
    response = redirect(url_for("sign_in.form"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@blueprint.get("/password")
@signed_in
@reachable_before_change
def password() -> Response:
    """The page on which a password is replaced; the only one open to who was handed theirs."""
    return _password_page(ChangePasswordForm(formdata=None))


@blueprint.post("/password")
@signed_in
@reachable_before_change
def change_password() -> Response:
    """Keep the new password; every other session of the person ends."""
    form, actor, session = ChangePasswordForm(), current_actor(), current_session()
    form.about = (actor.email or "", actor.name, _company(actor))
    if not form.validate():
        return _password_page(form, 422)
    wrong = _check(actor, form.current.data or "")
    if wrong:
        form.current.errors = [wrong]
        return _password_page(form, 422)
    assert session.standing is not None and actor.user_id is not None
    with change(actor, action="user.password", request_id=request_id(), ip=address()) as connection:
        people.set_password(connection, actor.user_id, form.password.data or "", must_change=False)
        ended = session_rows.end(connection, "revoked", user_id=actor.user_id, keep=session.standing.id)
        session.replace(session_rows.renew(connection, session.standing.id, elevate=True))
    others = "" if not ended else f" and signed out in {ended} other {'place' if ended == 1 else 'places'}"
    receipts.say(f"Password changed{others}")
    return redirect(url_for("account.show"), 303)


@blueprint.get("/confirm")
@signed_in
def confirm() -> Response:
    """Ask for the password again before a dangerous action."""
    return _confirm_page(ConfirmForm(formdata=None, next=local_path(request.args.get("next"))))


@blueprint.post("/confirm")
@signed_in
def confirmed() -> Response:
    """Note that the password was just given, for ten minutes, and go back."""
    form, actor, session = ConfirmForm(), current_actor(), current_session()
    if not form.validate():
        return _confirm_page(form, 422)
    wrong = _check(actor, form.password.data or "")
    if wrong:
        form.password.errors = [wrong]
        return _confirm_page(form, 422)
    assert session.standing is not None
    with transaction() as connection:
        session.replace(session_rows.renew(connection, session.standing.id, elevate=True))
    return redirect(local_path(form.next.data), 303)


def _check(actor: Actor, given: str) -> str | None:
    """A sentence when the password is wrong or was guessed too often; counted like a sign-in, since it is as good as one."""
    with transaction() as connection:
        turn = throttle.take_turn(connection, actor.email or "", address())
    if turn.wait:
        return f"Too many tries. Wait {turn.wait} seconds and try again."
    candidate = sign_ins.find(reading(), actor.email or "")
    if not matches(candidate.password_hash if candidate else None, given):
        return "This is not your password."
    with transaction() as connection:
        throttle.forgive(connection, actor.email or "", address())
    return None


def _company(actor: Actor) -> str:
    return str(
        reading().execute(text("SELECT name FROM tenants WHERE id = :id"), {"id": actor.tenant_id}).scalar() or ""
    )


def _page(form: ProfileForm | None, status: int = 200) -> Response:
    actor, session = current_actor(), current_session()
    own: Row[tuple[object, ...]] = (
        reading().execute(_OWN, {"app_user_id": actor.app_user_id, "user_id": actor.user_id}).one()
    )
    page = render_template(
        "screens/account/show.html",
        form=form
        or ProfileForm(
            formdata=None, obj=own, timezone=actor.timezone, theme=actor.theme, density=actor.density, edits=actor.edits
        ),
        own=own,
        sessions=reading().execute(_SESSIONS, {"user_id": actor.user_id}).all(),
        attempts=reading().execute(_ATTEMPTS, {"user_id": actor.user_id}).all(),
        this_session=session.standing.id if session.standing else None,
        zones=sorted(available_timezones()),
        themes=THEMES,
        densities=DENSITIES,
        edits=EDITS,
        page_title="Your account",
        crumbs=[("Your account", None)],
    )
    return make_response(page, status)


def _password_page(form: ChangePasswordForm, status: int = 200) -> Response:
    standing = current_session().standing
    forced = bool(standing and standing.must_change_password)
    title = "Choose your own password" if forced else "Change your password"
    return make_response(
        render_template(
            "screens/account/password.html", form=form, forced=forced, email=current_actor().email, page_title=title
        ),
        status,
    )


def _confirm_page(form: ConfirmForm, status: int = 200) -> Response:
    return make_response(
        render_template(
            "screens/account/confirm.html", form=form, email=current_actor().email, page_title="Confirm it is you"
        ),
        status,
    )

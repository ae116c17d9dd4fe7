"""The way in and out: the sign-in page, signing out, and one-time links that let a person choose a password."""

from __future__ import annotations

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy import Connection, text
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, Regexp, ValidationError

from app.core.db import reading
from app.domains.auth import links, people, sign_ins, throttle
from app.domains.auth.sign_ins import Candidate
from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.passwords import LONGEST, hash_password, is_outdated, weakness
from app.web import authorship, session_rows
from app.web.security import is_fragment, local_path, open_to_all, reachable_before_change
from app.web.session import address, asked_first, current_session, request_id, visitor

blueprint = Blueprint("sign_in", __name__)
EMAIL = r"^[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\"]{2,}$"
NAMELESS = "@console.invalid"
PURPOSES = {"invite": "invite", "reset": "password_reset"}


class SignInForm(FlaskForm):
    """E-mail and password, and where to go afterwards."""

    email = StringField(
        "Work email", [InputRequired("Enter your work email."), Length(max=320, message="That is too long.")]
    )
    password = PasswordField(
        "Password", [InputRequired("Enter your password."), Length(max=LONGEST, message="That is too long.")]
    )
    next = HiddenField()


class NewPasswordForm(FlaskForm):
    """A password chosen twice; whoever builds it says which words are too close to the person."""

    password = PasswordField("New password", [InputRequired("Enter a new password.")])
    again = PasswordField("The same again", [InputRequired("Enter it a second time.")])

    about: tuple[str, ...] = ()

    def validate_password(self, field: PasswordField) -> None:
        sentence = weakness(field.data or "", self.about)
        if sentence:
            raise ValidationError(sentence)

    def validate_again(self, field: PasswordField) -> None:
        if field.data != self.password.data:
            raise ValidationError("The two are not the same. Type the new password again.")


class FirstOwnerForm(NewPasswordForm):
    """The very first person of a company, whom nobody could name beforehand."""

    email = StringField(
        "Work email",
        [InputRequired("Enter your work email."), Regexp(EMAIL, message="Enter an address like name@company.com.")],
    )
    name = StringField(
        "Full name", [InputRequired("Enter your name."), Length(max=200, message="Use at most 200 characters.")]
    )


@blueprint.get("/sign-in")
@open_to_all
def form() -> Response:
    """The sign-in page; who is signed in already goes on."""
    if visitor() is not None:
        return redirect(local_path(request.args.get("next")), 303)
    return _page(SignInForm(formdata=None, next=local_path(request.args.get("next"))))


@blueprint.post("/sign-in")
@open_to_all
def enter() -> Response:
    """Check a password and begin a session, or say why not, in the same words whoever the address belongs to."""
    form = SignInForm()
    candidate, wait = _attempt(form)
    if candidate is None:
        return _refused(_page(form, 429 if wait else 422), wait)
    _begin(candidate, form)
    return redirect(local_path(form.next.data), 303)


def _refused(response: Response, wait: int) -> Response:
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _attempt(form: SignInForm) -> tuple[Candidate | None, int]:
    """Who may come in, or None with the sentence beside the field and the seconds to wait for the next try."""
    if not form.validate():
        return None, 0
    email, agent = form.email.data or "", request.user_agent.string
    with transaction() as connection:
        turn = throttle.take_turn(connection, email, address())
    candidate = asked_first(lambda: sign_ins.find(reading(), email))
    if turn.wait:
        outcome, message = "locked", f"Too many tries. Wait {_in_words(turn.wait)} and try again."
    else:
        outcome = sign_ins.judge(candidate, form.password.data or "")
        message = _sentence(outcome, turn.left)
    if outcome == "success" and candidate is not None:
        return candidate, 0
    with transaction() as connection:
        sign_ins.note(connection, candidate, email, outcome, address(), agent)
    form.password.errors = [message]
    return None, turn.wait


@blueprint.get("/sign-in/again")
@open_to_all
def again() -> Response:
    """What a page asks for whose session has ended: who is here, or the form to sign in over the page."""
    if not is_fragment():
        return redirect(url_for("sign_in.form"), 303)
    by = authorship.author(request.args.get("by"))
    if visitor() is not None:
        return _is_back(by)
    email = reading().execute(text("SELECT email FROM users WHERE id = :id"), {"id": by.user_id}).scalar() if by else ""
    return _over_the_page(SignInForm(formdata=None, email=email or "", next=request.args.get("by", "")))


@blueprint.post("/sign-in/again")
@open_to_all
def enter_again() -> Response:
    """Sign in over a page; what waited there goes on when it is the same person, and never under another's name."""
    form = SignInForm()
    candidate, wait = _attempt(form)
    if candidate is None:
        return _refused(_over_the_page(form, 429 if wait else 422), wait)
    _begin(candidate, form)
    return redirect(
        url_for("sign_in.again", by=form.next.data), 303
    )  # the new session is there from the next request on


def _is_back(by: authorship.Author | None) -> Response:
    """The form secret of the session that holds now, for the author of the page alone."""
    standing = current_session().standing
    same = by is not None and standing is not None and standing.user_id == by.user_id
    return make_response(render_template("screens/sign_in/back.html", same=same))


def _over_the_page(form: SignInForm, status: int = 200) -> Response:
    return make_response(render_template("screens/sign_in/again.html", form=form), status)


def _begin(candidate: Candidate, form: SignInForm) -> None:
    agent = request.user_agent.string
    person = Actor(
        candidate.tenant_id or 0,
        candidate.app_user_id,
        candidate.user_id,
        candidate.display_name or candidate.email,
        candidate.email,
    )
    old = current_session().standing
    stronger = hash_password(form.password.data or "") if is_outdated(candidate.password_hash or "") else None
    with change(person, action="user.sign_in", request_id=request_id(), ip=address()) as connection:
        if old is not None:
            session_rows.end(connection, "replaced", session_id=old.id)
        throttle.forgive(connection, candidate.email, address())
        attempt = sign_ins.note(connection, candidate, candidate.email, "success", address(), agent)
        token = session_rows.begin(
            connection,
            user_id=candidate.user_id,
            tenant_id=person.tenant_id,
            user_session_id=attempt,
            ip=address(),
            agent=agent,
        )
        _mark_seen(connection, candidate, stronger)
    current_session().begin(token)


def _mark_seen(connection: Connection, candidate: Candidate, stronger: str | None) -> None:
    connection.execute(
        text("UPDATE users SET last_login_at = now(), password_hash = coalesce(:hash, password_hash) WHERE id = :id"),
        {"id": candidate.user_id, "hash": stronger},
    )
    connection.execute(text("UPDATE app_users SET last_seen_at = now() WHERE id = :id"), {"id": candidate.app_user_id})


@blueprint.post("/sign-out")
@open_to_all
@reachable_before_change
def leave() -> Response:
    """End this session. Its cookie is worth nothing from now on, wherever else it may have been copied to."""
    session = current_session()
    if session.standing is not None:
        with transaction() as connection:
            session_rows.end(connection, "logout", session_id=session.standing.id)
    session.over()
    response = redirect(url_for("sign_in.form"), 303)
    # Not "cookies": that would also sign the person out of everything else our domain serves. Ours is taken away by name.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@blueprint.get("/sign-in/help")
@open_to_all
def help_page() -> str:
    """What to do without a password; there is no mail yet, so a colleague hands over the link."""
    return render_template("screens/sign_in/help.html", page_title="Get help signing in")


@blueprint.get("/invite/<token>", defaults={"kind": "invite"})
@blueprint.get("/reset/<token>", defaults={"kind": "reset"})
@open_to_all
def link(kind: str, token: str) -> Response:
    """The page behind a one-time link."""
    bearer = _bearer(kind, token)
    return _link_page(kind, _form_for(bearer)(formdata=None), bearer)


@blueprint.post("/invite/<token>", defaults={"kind": "invite"})
@blueprint.post("/reset/<token>", defaults={"kind": "reset"})
@open_to_all
def use_link(kind: str, token: str) -> Response:
    """Keep the password a person chose; the link is used up, and whoever was signed in under this name is out."""
    bearer = _bearer(kind, token)
    form = _form_for(bearer)()
    form.about = (
        bearer.email,
        bearer.name,
        bearer.company,
        request.form.get("email", ""),
        request.form.get("name", ""),
    )
    if not form.validate():
        return _link_page(kind, form, bearer, 422)
    person = Actor(bearer.tenant_id, bearer.app_user_id, bearer.user_id, bearer.name, bearer.email)
    with change(person, action=f"user.{kind}", request_id=request_id(), ip=address()) as connection:
        if not links.spend(connection, bearer):
            raise NotFound("This link has been used or is too old. Ask for a new one.")
        if isinstance(form, FirstOwnerForm):
            people.rename(connection, bearer.app_user_id, bearer.user_id, form.email.data or "", form.name.data or "")
        people.set_password(connection, bearer.user_id, form.password.data or "", must_change=False)
        connection.execute(
            text("UPDATE app_users SET status = 'active' WHERE id = :id AND status = 'invited'"),
            {"id": bearer.app_user_id},
        )
        session_rows.end(connection, "revoked", user_id=bearer.user_id)
        throttle.forgive(connection, bearer.email, address())
    flash("Your password is saved. Sign in with it.")
    return redirect(url_for("sign_in.form"), 303)


def _form_for(bearer: links.Bearer) -> type[NewPasswordForm]:
    return FirstOwnerForm if bearer.email.endswith(NAMELESS) else NewPasswordForm


def _bearer(kind: str, token: str) -> links.Bearer:
    bearer = asked_first(lambda: links.read(reading(), PURPOSES[kind], token))
    if bearer is None:
        raise NotFound("This link has been used or is too old. Ask for a new one.")
    return bearer


def _link_page(kind: str, form: NewPasswordForm, bearer: links.Bearer, status: int = 200) -> Response:
    title = "Choose a password" if kind == "invite" else "Choose a new password"
    page = render_template("screens/sign_in/link.html", form=form, bearer=bearer, page_title=title)
    return make_response(page, status)


def _page(form: SignInForm, status: int = 200) -> Response:
    return make_response(render_template("screens/sign_in/form.html", form=form, page_title="Sign in"), status)


def _sentence(outcome: str, left: int) -> str:
    if outcome == "disabled":
        return "This sign-in is switched off. An administrator can switch it on."
    if outcome == "locked":
        return "This sign-in is locked for now. An administrator can open it."
    if left == 0:
        return "Email or password is wrong. From the next try on you have to wait in between."
    return f"Email or password is wrong. {left} {'try' if left == 1 else 'tries'} left."


def _in_words(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} {'second' if seconds == 1 else 'seconds'}"
    return f"{round(seconds / 60)} minutes"

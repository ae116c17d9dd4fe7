"""The door of every page: a view says which permission it needs, and one function asks. A view that says nothing is shut."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from app.engine.access import Actor
from app.engine.registry import REGISTRY
from app.web import bearer, problems
from app.web.session import current_session, request_id

if TYPE_CHECKING:
    from app.config import Config

View = TypeVar("View", bound=Callable[..., Any])

OPEN, SIGNED_IN, OF_RESOURCE = "open", "signed-in", "<resource>."
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

refusals = logging.getLogger("console.refusals")
csrf = CSRFProtect()


def open_to_all(view: View) -> View:
    """Anyone may ask for this, signed in or not."""
    return _declare(view, OPEN)


def signed_in(view: View) -> View:
    """Anyone who is signed in may ask for this: one's own account, what belongs to nobody else."""
    return _declare(view, SIGNED_IN)


def needs(permission: str) -> Callable[[View], View]:
    """Only who holds `permission` may ask for this; for everybody else the address does not exist."""
    return lambda view: _declare(view, permission)


def by_resource(action: str) -> Callable[[View], View]:
    """Needs `<area>.<action>` of the resource the address names in `domain` and `table`."""
    return lambda view: _declare(view, OF_RESOURCE + action)


def reachable_before_change(view: View) -> View:
    """May be used by a person who still has to replace a handed-out password."""
    view.before_change = True  # type: ignore[attr-defined]
    return view


def also_while_viewing(view: View) -> View:
    """May be used while the console is seen as a role, when all else that changes anything is refused."""
    view.while_viewing = True  # type: ignore[attr-defined]
    return view


def _declare(view: View, permission: str) -> View:
    view.permission = permission  # type: ignore[attr-defined]
    return view


def permission_of(app: Flask, endpoint: str) -> str | None:
    """What an endpoint asks for, or None when it says nothing and therefore answers 404."""
    # Static files are Flask's own view, or another put in its place: they are the same for everyone.
    return OPEN if endpoint == "static" else getattr(app.view_functions.get(endpoint), "permission", None)


def undeclared(app: Flask) -> list[str]:
    """Addresses whose view names no permission; `console check` fails on each."""
    return sorted(rule.rule for rule in app.url_map.iter_rules() if permission_of(app, rule.endpoint) is None)


def guard() -> AnyResponse | None:
    """Asked before every view, and the only thing that lets one run."""
    request_id()
    if request.method not in SAFE and request.headers.get("Sec-Fetch-Site", "same-origin") not in (
        "same-origin",
        "none",
    ):
        log_refusal("cross-site", None)
        raise Forbidden("This was sent from another site. Nothing was changed.")
    if request.endpoint is None:
        return None  # no such address: Flask is about to say so
    view = current_app.view_functions[request.endpoint]
    permission = permission_of(current_app, request.endpoint)
    if permission is None:
        refuse("undeclared")
    if permission == OPEN:
        return None
    if problems.wanted():
        _admit_program(permission)
        return None
    session = current_session()
    if session.actor is None or session.standing is None:
        return to_sign_in()
    if session.standing.must_change_password and not getattr(view, "before_change", False):
        return go_to(url_for("account.password"))
    if session.actor.viewing_as and not getattr(view, "while_viewing", False) and _does_something():
        log_refusal("viewing as a role", permission)
        raise Forbidden(
            f"You are seeing the console as {session.actor.viewing_as}: nothing is changed or taken out meanwhile. End it first."
        )
    if not _is_allowed(session.actor, permission):
        refuse("missing", permission)
    return None


def _does_something() -> bool:
    """Whether a request changes anything, or carries data away."""
    return request.method not in SAFE or request.path.endswith((".csv", ".xlsx", ".json")) or "/export" in request.path


def _admit_program(permission: str) -> None:
    """The same question of the bearer of a key or token. Who may read here learns that it may not do this."""
    actor = bearer.identify()
    if _is_allowed(actor, permission):
        return
    if permission.startswith(OF_RESOURCE) and _is_allowed(actor, OF_RESOURCE + "read"):
        refuse("missing", permission, 403)
    refuse("missing", permission)


def _is_allowed(actor: Actor, permission: str) -> bool:
    if permission == SIGNED_IN:
        return True
    if not permission.startswith(OF_RESOURCE):
        return actor.may(permission)
    address: dict[str, Any] = request.view_args or {}
    resource = REGISTRY.at(address.get("domain", ""), address.get("table", ""))
    action = permission.removeprefix(OF_RESOURCE)
    if resource is None:
        return False
    return actor.may(resource.permission(action)) or (
        resource.own is not None and actor.may(resource.permission("own"))
    )


def refuse(why: str, permission: str | None = None, status: int = 404) -> NoReturn:
    """Answer as if the address did not exist, and write down who tried what."""
    log_refusal(why, permission)
    abort(status)


def log_refusal(why: str, permission: str | None) -> None:
    """One line for whoever looks into what a person tried and could not do."""
    session = current_session()
    actor = session.actor if session.is_loaded else None
    refusals.warning(
        "refused",
        extra={
            "why": why,
            "permission": permission,
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else None,
            "path": request.path[:200],
            "actor": actor.app_user_id if actor else None,
            "tenant": actor.tenant_id if actor else None,
            "address": request.remote_addr,
            "request_id": request_id(),
        },
    )


def is_fragment() -> bool:
    """Whether a script asked for part of a page; the answer then must not be a whole one, nor a plain redirect to one."""
    return request.headers.get("HX-Request") == "true"


def go_to(address: str) -> AnyResponse:
    """Send the whole page elsewhere, also when only a part of it was asked for."""
    if not is_fragment():
        return redirect(address, 303)
    from app.web import htmx  # here, because htmx itself may ask who is signed in

    return htmx.redirect_whole_page(address)


def to_sign_in() -> AnyResponse:
    """Ask who this is and come back here afterwards.

    A form that was sent is not sent again by itself: a script asks over the page and sends it then, and without one
    what was typed waits as a draft of whoever's page it was.
    """
    from app.web import drafts, htmx  # here, because both may ask who is signed in

    if is_fragment():
        return htmx.sign_in_first(url_for("sign_in.form", next=local_path(htmx.asked_from(), "") or None))
    if request.accept_mimetypes.best == "text/event-stream":
        abort(
            401
        )  # a page has no place in a stream; whoever listens learns from the number that there is nothing to hear
    back = request.full_path.rstrip("?") if request.method == "GET" else drafts.keep_after_session() or _page_of_form()
    return redirect(url_for("sign_in.form", next=back if back not in ("/", None) else None), 303)


def _page_of_form() -> str | None:
    """The page a form was sent from, where it is sent to its own address."""
    try:
        current_app.url_map.bind("").match(request.path, method="GET")
    except HTTPException:
        return None
    return request.full_path.rstrip("?")


def local_path(address: str | None, otherwise: str = "/") -> str:
    """`address` when it is a path on this console, else `otherwise`: a link to our sign-in page must not lead elsewhere."""
    if not address or not address.startswith("/") or address[:2] in ("//", "/\\"):
        return otherwise
    if "\\" in address or any(ord(char) < 32 or ord(char) == 127 for char in address):
        return otherwise
    try:
        parts = urlsplit(address)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else address


def confirm_first(back: str) -> AnyResponse | None:
    """Before a dangerous action: None when the password was given within the last minutes, else the way to give it again.

    `back` is the local path of the page with the button; a form is not sent again by itself.
    """
    standing = current_session().standing
    if standing is not None and standing.is_elevated:
        return None
    return go_to(url_for("account.confirm", next=back))


def install(app: Flask, config: Config) -> None:
    """Put the guard and the limits in front of every view of `app`."""
    app.config.update(
        SECRET_KEY=config.secret_key,
        SECRET_KEY_FALLBACKS=list(config.secret_key_fallbacks),
        TRUSTED_HOSTS=list(config.trusted_hosts),
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=1_000,
        # A form is good as long as the session it belongs to; the secret in it ends with the session.
        WTF_CSRF_TIME_LIMIT=None,
        # We send no Referer, so it cannot be asked for; Sec-Fetch-Site is looked at instead.
        WTF_CSRF_SSL_STRICT=False,
    )
    if config.trusted_proxies:
        count = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.before_request(guard)
    csrf.init_app(app)  # after the guard: who is no longer signed in is asked to, rather than told of a stale form

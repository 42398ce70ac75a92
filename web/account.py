"""The page of one's own account, and the links that sign a browser in once."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from jobs import people_tokens
from web.api_people import told, who_i_am
from web.auth import CSRF_FIELD, check_same_site, person, public, sign_in_by_link, visitor
from web.backend import backend
from web.pages import MAX_SIGNIN_BYTES

routes = Blueprint("account", __name__)


@routes.get("/account")
def account() -> str:
    """Who I am, and my tokens: make one, revoke one."""
    tokens = [told(token) for token in people_tokens.listing(backend().store, person().user)]
    return render_template("account.html", initial=who_i_am() | {"tokens": tokens})


@routes.get("/signin/<code>")
@public
def signin_link(code: str) -> AnyResponse | tuple[str, int]:
    """Offer to sign in by a link. Whatever looks at an address before a person does (previews, scanners) asks with GET: so the
    link is used up by the POST alone, which the page's script sends at once unless somebody else has signed in here."""
    guest, here = people_tokens.invited(backend().store, code), visitor()
    if here is not None and guest in (None, here.user):
        return redirect("/", 303)  # signed in already: an old link does no harm, a new one is not used up
    if guest is None:
        return render_template("link.html", guest=None), 410
    return render_template("link.html", guest=guest, here=here, code=code), 200


@routes.post("/signin/<code>")
@public
def signin_by_link(code: str) -> AnyResponse | tuple[str, int]:
    """Use up a link and open a session."""
    request.max_content_length = MAX_SIGNIN_BYTES
    check_same_site(request.form.get(CSRF_FIELD, ""))
    if not sign_in_by_link(code):
        return render_template("link.html", guest=None), 410
    return redirect("/", 303)

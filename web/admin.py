"""/admin: the page from which an admin looks after queues, workers, failed jobs and people. It shows what the API answers."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from jobs import types
from jobs.errors import Forbidden
from web.auth import person

routes = Blueprint("admin", __name__)


@routes.get("/admin")
def page() -> str:
    if not person().admin:
        raise Forbidden("this page is for admins; your own jobs are on the first page")
    initial = {
        "user": person().user,
        "types": types.names(),
        "people": any(rule.rule == "/api/users" for rule in current_app.url_map.iter_rules()),
    }
    return render_template("admin.html", initial=initial)

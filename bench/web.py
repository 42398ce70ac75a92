"""Lectern's web with two addresses more, only for benchmarks: a bare Flask app of one route, and Lectern as if it told each job first.

`/constant` is a Flask app of its own whose only route returns a constant. Under `/afresh` lies Lectern's web once more, which
keeps nothing of the jobs that it has told of.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from web import create_app
from web.backend import EXTENSION
from web.recent import Recent

CONSTANT = "constant"


def application() -> DispatcherMiddleware:
    bare, afresh = Flask("bench.constant"), create_app()
    bare.add_url_rule("/", view_func=lambda: CONSTANT)
    afresh.extensions[EXTENSION].recent = Recent(0, 0)
    return DispatcherMiddleware(create_app(), {"/constant": bare, "/afresh": afresh})

"""Lectern's web with one address more, `/constant`: a Flask app of a single route that returns a constant. Only for benchmarks."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from web import create_app

CONSTANT = "constant"


def application() -> DispatcherMiddleware:
    bare = Flask("bench.constant")
    bare.add_url_rule("/", view_func=lambda: CONSTANT)
    return DispatcherMiddleware(create_app(), {"/constant": bare})

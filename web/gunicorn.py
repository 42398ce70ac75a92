"""How gunicorn serves the web: `gunicorn -c python:web.gunicorn`. Options on its command line come before these."""

from __future__ import annotations

from jobs.settings import settings

wsgi_app = "web:create_app()"

bind = [f"0.0.0.0:{settings().port}"]
workers = settings().web_concurrency
threads = settings().web_threads
worker_class = "gthread"

#: Seconds without a sign of life from a whole process, not of one request: an upload may take longer.
timeout = 60
#: SIGTERM to SIGKILL is 30 s on common platforms.
graceful_timeout = 25
keepalive = 5

#: Bytes; the longest cursor has 6,000. The highest that gunicorn takes without reading an address of any length into memory.
limit_request_line = 8190

control_socket_disable = True

loglevel = settings().log_level.lower()

"""Look after people, jobs, organisations, queues and workers, straight on Redis: `python -m scripts.admin NOUN …`.

Takes REDIS_URL, or the embedded Redis of the data folder (--data) while `scripts.serve` runs. Every command takes --json.
Ends with 0, or 2 and a sentence when something was refused or Redis does not answer; `doctor` with 1 for faults.
"""

from __future__ import annotations

import argparse
import sys

from redis.exceptions import RedisError, ResponseError

from jobs.errors import LecternError
from scripts.admin import doctor, jobs, orgs, queues, users, workers
from scripts.admin.desk import open_store, shared_arguments

NOUNS = (users, jobs, orgs, queues, workers, doctor)


def main(argv: list[str] | None = None) -> int:
    try:
        arguments = read_arguments(argv)
        return arguments.command(open_store(arguments), arguments) or 0
    except LecternError as error:
        print(f"admin: {error}", file=sys.stderr)
        return 2
    except ResponseError as error:
        print(f"admin: Redis refused: {error}", file=sys.stderr)
        return 2
    except RedisError as error:
        print(f"admin: Redis does not answer: {error}", file=sys.stderr)
        return 2


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.admin", description="Look after people, jobs, organisations, queues and workers."
    )
    things = parser.add_subparsers(metavar="users|jobs|orgs|queues|workers|doctor", required=True)
    shared = shared_arguments()
    for each in NOUNS:
        each.add_to(things, shared)
    arguments = parser.parse_args(argv)
    if check := getattr(arguments, "check", None):
        check(parser, arguments)
    return arguments

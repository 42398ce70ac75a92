"""The scheduler: starts what is to be done at a time of its own. `python -m workers.scheduler`.

On rq-scheduler 0.14, whose entries and tools it shares, with three of its faults mended (docs/decisions/0110-the-scheduler.md):
JSON instead of pickle, one leader that is fenced, each tick of each schedule once.
"""

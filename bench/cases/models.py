"""What a model costs that takes half a second to load: jobs a second of one worker with it ÷ without it, on both sides."""

from __future__ import annotations

from bench import extras
from bench.bench import Bench
from bench.figures import Measured, Row, median_ratio
from bench.fill import ONE, USER, synthetic
from bench.sides import lectern, stock
from bench.stock_jobs import with_model
from jobs.model import Submission


def measure(bench: Bench) -> Measured:
    extras.install()
    jobs, modelled = bench.pick(20_000, 6000), Submission("modelled", {}, USER, USER, admin=True)
    with_it, without, stock_with, stock_without = [], [], [], []
    with bench.store() as store:
        for number in range(bench.pick(min(bench.rounds, 3), 1)):
            without.append(lectern(store, bench.folder, jobs, synthetic(ONE)))
            with_it.append(lectern(store, bench.folder, jobs, modelled, module="bench.worker"))
            stock_without.append(stock(store, bench.folder, bench.pick(60, 30)))
            stock_with.append(stock(store, bench.folder, bench.pick(6, 3), function=with_model))
            bench.say(f"  round {number + 1}: {without[-1]:.0f} jobs/s without a model, {with_it[-1]:.0f} with one")
    row = Row(
        "model_jobs_ratio",
        "jobs a second with a 0.5 s model ÷ without",
        median_ratio(with_it, without),
        median_ratio(with_it, without),
        theirs=median_ratio(stock_with, stock_without),
        against="stock RQ",
        theirs_key="model_jobs_stock_ratio",
    )
    note = (
        f"The model is loaded once a horse, within the time measured, which is that of {jobs:,} jobs: fewer would show a smaller "
        "ratio, more a larger one."
    )
    return Measured([row], rounds={"model_jobs_per_s": with_it, "modelless_jobs_per_s": without}, notes=[note])

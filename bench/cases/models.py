"""What a model costs that takes half a second to load: jobs a second of one worker with it ÷ without it, on both sides."""

from __future__ import annotations

from bench import extras
from bench.bench import Bench
from bench.figures import Measured, Row, median, median_ratio
from bench.fill import ONE, USER, synthetic
from bench.sides import lectern_spans, per_second, stock
from bench.stock_jobs import MODEL_S, with_model
from jobs.model import Submission


def measure(bench: Bench) -> Measured:
    extras.install()
    jobs, modelled = bench.pick(8000, 2500), Submission("modelled", {}, USER, USER, admin=True)
    with_it, without, stock_with, stock_without, loads = [], [], [], [], []
    with bench.store() as store:
        for number in range(bench.pick(min(bench.rounds, 3), 1)):
            without.append(per_second(lectern_spans(store, bench.folder, jobs, synthetic(ONE))[1:]))
            spans = lectern_spans(store, bench.folder, jobs, modelled, module="bench.worker")
            with_it.append(per_second(spans[1:]))
            loads.append(sum(end - begin >= MODEL_S * 1e6 for begin, end in spans))
            stock_without.append(stock(store, bench.folder, bench.pick(60, 20)))
            stock_with.append(stock(store, bench.folder, bench.pick(6, 3), function=with_model))
            bench.say(f"  round {number + 1}: {without[-1]:.0f} jobs/s without a model, {with_it[-1]:.0f} with one")
    ratio = median_ratio(with_it, without)
    rows = [
        Row(
            "model_jobs_ratio",
            "jobs a second with a 0.5 s model ÷ without",
            ratio,
            ratio,
            theirs=median_ratio(stock_with, stock_without),
            against="stock RQ",
            theirs_key="model_jobs_stock_ratio",
        ),
        Row(
            "model_loads",
            f"of {jobs:,} such jobs of one worker, waited for the model",
            median(loads),
            median(loads),
            theirs=float(jobs),
            against="stock RQ: each, as each is a fork",
        ),
    ]
    note = "Counted are the jobs after the first one, in which the model is loaded: not what it costs once, but what it costs from then on."
    return Measured(rows, rounds={"model_jobs_per_s": with_it, "modelless_jobs_per_s": without}, notes=[note])

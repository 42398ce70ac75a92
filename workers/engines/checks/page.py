"""Write the report as one page of HTML that needs nothing else: no script, no font, no file. By day and by night. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from workers.engines.checks import picture, verdict

PAGE_STYLE = """<style>
:root{color-scheme:light dark;--paper:#f6f5f1;--surface:#fff;--line:#e3e1da;--ink:#1e2227;--muted:#5d636c;
--good:#1d6b40;--good-soft:#e2f2e8;--fair:#82560a;--fair-soft:#faefd8;--poor:#a92a2a;--poor-soft:#fbe7e5}
@media (prefers-color-scheme:dark){:root{--paper:#14161a;--surface:#1c1f25;--line:#2f343d;--ink:#e7e5e0;--muted:#a2a8b3;
--good:#86d6a5;--good-soft:#1b3226;--fair:#edc178;--fair-soft:#382c16;--poor:#ff9f97;--poor-soft:#3d2020}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:64rem;margin:0 auto;padding:28px 20px 64px;display:grid;gap:20px;grid-template-columns:minmax(0,1fr)}
h1{font-size:1.5rem;margin:0;letter-spacing:-.012em}h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}
.card{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:20px;
display:grid;gap:12px;grid-template-columns:minmax(0,1fr)}
.head{display:flex;gap:12px;justify-content:space-between;align-items:start}
.muted{color:var(--muted);margin:0}.counts{display:flex;gap:10px;flex-wrap:wrap;margin:0;padding:0;list-style:none}
.tag{border-radius:99px;padding:2px 12px;font-weight:600;font-size:.9rem;white-space:nowrap}
.good{color:var(--good);background:var(--good-soft)}.fair{color:var(--fair);background:var(--fair-soft)}
.poor,.unusable{color:var(--poor);background:var(--poor-soft)}
.remarks{margin:0;padding-left:20px}.r-note{color:var(--muted)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:7px 10px;border-top:1px solid var(--line);vertical-align:top}
th{color:var(--muted);font-weight:500;border-top:0}
td.n,th.n{text-align:right;white-space:nowrap}td.f{overflow-wrap:anywhere;min-width:9rem}a{color:inherit}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:8px 16px;margin:0}
dt{color:var(--muted);font-size:.86rem}dd{margin:0}
svg{width:100%;height:auto;display:block}
.card .key{font:inherit}
.key i{outline:1px solid var(--line);display:inline-block;width:1em;height:.8em;border-radius:3px;margin:0 .35em 0 .9em;
vertical-align:-.05em}
@media print{.card{break-inside:avoid}}
</style>"""

KEY = (
    ("silence", "still"),
    ("clipping, a tick above and below", "bad"),
    ("damage", "hurt"),
    ("loudness over 3 s", "loud"),
)


def head(recordings: Sequence[dict[str, Any]]) -> str:
    """Return the beginning of the page, with what is common to all recordings."""
    counts = {name: sum(one["verdict"] == name for one in recordings) for name in verdict.VERDICTS}
    tags = "".join(f'<li class="tag {name}">{count} {name}</li>' for name, count in counts.items() if count)
    total = f"{len(recordings)} recording{'' if len(recordings) == 1 else 's'}"
    rows = "".join(row(n, one) for n, one in enumerate(recordings))
    key = "".join(f'<i style="background:var(--{colour})"></i>{name}' for name, colour in KEY)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Quality of {total}</title>
{PAGE_STYLE}
{picture.STYLE}</head><body><main>
<h1>Quality of {total}</h1>
<section class="card"><ul class="counts">{tags}</ul>
<div class="scroll"><table><thead><tr><th>Recording</th><th>Verdict</th><th class="n">Length</th><th class="n">Loudness</th>
<th class="n">Peak</th><th class="n">Speech over noise</th><th class="n">Silent</th></tr></thead><tbody>{rows}</tbody></table></div>
<p class="muted">Loudness in LUFS (ITU-R BS.1770), peaks in dBTP; the pictures show:<span class="key q-pic">{key}</span></p></section>
"""


def row(n: int, one: dict[str, Any]) -> str:
    found = one["found"] or {}
    cells = (
        verdict.clock(found["seconds"]) if found else "",
        number(found.get("loudness_lufs")),
        number(found.get("true_peak_dbtp")),
        number(found.get("signal_to_noise_db"), " dB", digits=0),
        f"{100 * found['silent_share']:.0f} %" if found else "",
    )
    numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    name = f'<td class="f"><a href="#r{n + 1}">{shown(one["filename"])}</a></td>'
    return f"<tr>{name}<td>{tag(one['verdict'])}</td>{numbers}</tr>"


def section(n: int, one: dict[str, Any], drawn: str) -> str:
    """Return the part of the page on one recording; `drawn` is its picture, or empty."""
    remarks = "".join(f'<li class="r-{remark["weight"]}">{shown(remark["text"])}</li>' for remark in one["remarks"])
    said = f'<ul class="remarks">{remarks}</ul>' if remarks else '<p class="muted">Nothing to complain of.</p>'
    facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures(one["found"])) if one["found"] else ""
    listed = f"<dl>{facts}</dl>" if facts else ""
    title = f'<div class="head"><h2>{shown(one["filename"])}</h2>{tag(one["verdict"])}</div>'
    return f'<section class="card" id="r{n + 1}">{title}{said}{drawn}{listed}</section>\n'


def figures(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was measured, in words."""
    yield "Length", verdict.clock(found["seconds"])
    yield "Format", f"{escape(found['codec'])} in {escape(found['format'])}"
    yield "Sampled", f"{found['sample_rate'] / 1000:g} kHz, {found['channels']} channel{'' if found['channels'] == 1 else 's'}"
    if found["bandwidth_hz"] is not None:
        yield "Sound up to", f"{found['bandwidth_hz'] / 1000:.1f} kHz"
    yield "Loudness", number(found["loudness_lufs"], " LUFS") or "silent"
    yield "Loudness range", number(found["loudness_range_lu"], " LU") or "–"
    yield "True peak", number(found["true_peak_dbtp"], " dBTP") or "–"
    yield "Clipped", f"in {found['clipped_seconds']} s" if found["clipped_seconds"] else "nowhere"
    yield "Noise floor", number(found["noise_floor_dbfs"], " dBFS", digits=0) or "–"
    yield "Speech over noise", number(found["signal_to_noise_db"], " dB", digits=0) or "no pauses to tell"
    yield "Silent", f"{100 * found['silent_share']:.0f} %, at most {verdict.clock(found['longest_silence_s'])} at once"
    if found["correlation"] is not None:
        yield "Channels alike", number(found["correlation"], digits=2)


def foot() -> str:
    return "</main></body></html>\n"


def tag(name: str) -> str:
    return f'<span class="tag {name}">{name}</span>'


def shown(text: str) -> str:
    return escape(picture.printable(text))


def number(value: float | None, unit: str = "", *, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}".replace("-", "\N{MINUS SIGN}")

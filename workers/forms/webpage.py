"""A page as one HTML file that needs nothing else: no script, no font, no picture, nothing of any network.

Dark where the reader is, and printable. Text is escaped, and the whole body cleaned again of what could act in a page.
"""

from __future__ import annotations

import html

from workers.forms.page import Bullets, Heading, Look, Page, Paragraph, Part, Run, Runs

TAGS = {"h1", "h2", "h3", "p", "ul", "ol", "li", "b", "span", "small", "time", "mark"}

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1e; --paper: #fdfdfb; --faint: #6a6a70; --line: #deded8; --mark: #b46a00 }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e6; --paper: #17181a; --faint: #9c9ca3; --line: #36373b; --mark: #e0a84e } }
body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 44rem; font: 1.05rem/1.6 system-ui, sans-serif; color: var(--text);
  background: var(--paper); overflow-wrap: break-word }
h1 { line-height: 1.25 } h2 { margin-top: 2.2em; border-bottom: 1px solid var(--line) } h3 { margin-bottom: .3em }
time { color: var(--faint); font-size: .85em; font-variant-numeric: tabular-nums } small { color: var(--faint) }
li { margin: .3em 0 } mark { color: inherit; background: none; text-decoration: underline dotted var(--mark) }
@media print { :root { --text: #000; --paper: #fff; --faint: #444; --line: #999 } body { max-width: none; padding: 0; font-size: 11pt }
  h1, h2, h3 { break-after: avoid } p, li { orphans: 3; widows: 3 } }
"""

LOOKS = {
    Look.PLAIN: "{}",
    Look.STRONG: "<b>{}</b>",
    Look.TIME: "<time>{}</time>",
    Look.SPEAKER: '<b class="speaker">{}</b>',
    Look.UNSURE: '<mark title="heard with low confidence">{}</mark>',
    Look.ASIDE: "<small>{}</small>",
}


def write(page: Page) -> str:
    import nh3

    body = "\n".join(map(part, page.parts))
    clean = nh3.clean(body, tags=TAGS, attributes={"b": {"class"}, "mark": {"title"}}, url_schemes=set(), link_rel=None)
    return f"""<!doctype html>
<html lang="{html.escape(page.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{html.escape(page.title)}</title>
<style>{STYLE}</style>
</head>
<body>
{clean}
</body>
</html>
"""


def part(part: Part) -> str:
    match part:
        case Heading(level, text, time):
            return f"<h{level}>{html.escape(text)}" + (f" <time>{html.escape(time)}</time>" if time else "") + f"</h{level}>"
        case Bullets(items, numbered):
            tag = "ol" if numbered else "ul"
            return f"<{tag}>" + "\n".join(f"<li>{line(item)}</li>" for item in items) + f"</{tag}>"
        case Paragraph(runs):
            return f"<p>{line(runs)}</p>"


def line(runs: Runs) -> str:
    return " ".join(run(one) for one in runs if one[0])


def run(run: Run) -> str:
    text, look = run
    return LOOKS[look].format(html.escape(text))

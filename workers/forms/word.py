"""A page as a Word document (.docx)."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING

from workers.forms.page import Bullets, Heading, Look, Page, Paragraph, Run
from workers.forms.zipped import EPOCH, repacked

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph as WordParagraph


def write(page: Page) -> bytes:
    import docx

    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.language = page.title[:255], page.language
    properties.author = properties.last_modified_by = "Lectern"
    properties.comments = ""
    properties.created = properties.modified = datetime(*EPOCH)  # a document has to have been made some time
    properties.revision = 1
    styles = {name: document.styles[name] for name in ("Normal", "List Bullet", "List Number", "Title", "Heading 1", "Heading 2")}
    for part in page.parts:
        match part:
            case Heading(level, text, time):
                style = ("Title", "Heading 1", "Heading 2")[level - 1]
                write_line(document.add_paragraph(style=styles[style]), ((text, Look.PLAIN), *(((time, Look.TIME),) if time else ())))
            case Bullets(items, numbered):
                for n, item in enumerate(items, 1):
                    # Word would go on counting from list to list: the numbers are text.
                    paragraph = document.add_paragraph(style=styles["Normal" if numbered else "List Bullet"])
                    write_line(paragraph, ((f"{n}.", Look.PLAIN), *item) if numbered else item)
            case Paragraph(runs):
                write_line(document.add_paragraph(style=styles["Normal"]), runs)
    target = io.BytesIO()
    document.save(target)
    return repacked(target.getvalue())


def write_line(paragraph: WordParagraph, runs: tuple[Run, ...]) -> None:
    from docx.enum.text import WD_UNDERLINE
    from docx.shared import RGBColor

    for n, (text, look) in enumerate(runs):
        run = paragraph.add_run(f" {text}" if n else text)
        match look:
            case Look.STRONG | Look.SPEAKER:
                run.bold = True
            case Look.TIME | Look.ASIDE:
                run.font.color.rgb = RGBColor(0x6A, 0x6A, 0x70)
            case Look.UNSURE:
                run.font.underline = WD_UNDERLINE.DOTTED

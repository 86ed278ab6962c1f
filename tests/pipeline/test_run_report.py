"""The page of a real run: what the steps leave on record is what its sections expect."""

from __future__ import annotations

from pipeline.report.contents import SECTIONS, sections
from pipeline.report.gather import gather
from pipeline.report.view import Text
from pipeline.report.write import write


def test_every_section_can_read_what_the_steps_wrote(settled):
    run_id = settled.history.runs()[0].run_id
    run = gather(settled.workspace, run_id)
    shown = {section.id: section for section in sections(run)}

    told = [part.text for section in shown.values() for part in section.parts if isinstance(part, Text)]
    assert not [text for text in told if "cannot be" in text or "could be read" in text]
    assert not run.unreadable
    # Nothing was searched for, made for devices, or compared more than once.
    assert set(SECTIONS) - set(shown) == {"trials", "edge", "timeline"}

    [page] = write(settled.workspace, run_id)
    assert "Released: sales version 1" in page.read_text(encoding="utf-8")

"""Results as JUnit XML, as CI systems read it: a suite a language, a case a scenario."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from harness.model import Cell, CellState
from harness.reports import Results, ordered
from harness.reports.words import cell_lines, headline

#: What XML 1.0 can't hold (https://www.w3.org/TR/xml/#charsets).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(results: Results) -> bytes:
    """Every cell: findings are failures, what could not be run is an error, what was not run is skipped."""
    root = ElementTree.Element("testsuites", name="conform", time=f"{results.seconds:.3f}")
    suites: dict[str, ElementTree.Element] = {}
    for cell in ordered(results.cells):
        if cell.language not in suites:
            suites[cell.language] = ElementTree.SubElement(root, "testsuite", name=cell.language)
        suite = suites[cell.language]
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=cell.language,
            name=cell.scenario,
            time=f"{cell.seconds:.3f}",
            file=_xml(cell.file),
        )
        tag = _tag(cell, results.strict)
        if tag is not None:
            outcome = ElementTree.SubElement(case, tag, message=_xml(headline(cell) or cell.state.value))
            if tag != "skipped":
                outcome.set("type", cell.findings[0].check if cell.findings else cell.state.value)
            outcome.text = _xml("\n".join(cell_lines(cell)))
    for suite in (root, *suites.values()):
        cases = list(suite.iter("testcase"))
        suite.set("tests", str(len(cases)))
        for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(plural, str(sum(case.find(tag) is not None for case in cases)))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _tag(cell: Cell, strict: bool) -> str | None:
    match cell.state:
        case CellState.PASSED:
            return None
        case CellState.FAILED:
            return "failure"
        case CellState.ERROR:
            return "error"
        case CellState.UNAVAILABLE if strict:
            return "error"
        case CellState.MISSING if strict:
            return "failure"
    return "skipped"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)

"""What a JUnit report says.

It is a product's output: its size, its depth and the number of its tests are bounded, and nothing in it that could
fetch or multiply anything is followed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from xml.parsers import expat

MOST_BYTES = 20_000_000
"""Of a report; one that is as long or longer is not read, for an environment may have cut it here."""
MOST_DEPTH = 100
MOST_TESTS = 100_000
MOST_BAD = 500
"""Tests that did not pass and are told by name; the rest is counted."""
LONGEST_NAME, LONGEST_MESSAGE = 300, 600
CHUNK = 65_536
ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "ascii", "iso-8859-1"})
SUITES = frozenset({"testsuites", "testsuite"})
Outcome = Literal["passed", "skipped", "failed", "error"]
BAD: Mapping[str, Outcome] = {
    "failure": "failed",
    "rerunFailure": "failed",
    "flakyFailure": "failed",
    "error": "error",
    "rerunError": "error",
    "flakyError": "error",
}
"""Elements that tell what went wrong; `flaky…` stands at a test that failed and passed when it was run again."""
WORDS: Mapping[str, Outcome] = {
    "failed": "failed",
    "failure": "failed",
    "fail": "failed",
    "error": "error",
    "notrun": "skipped",
    "disabled": "skipped",
    "skipped": "skipped",
    "ignored": "skipped",
    "suppressed": "skipped",
}
"""Words with which some tools tell the outcome in an attribute `status` or `result`."""


class UnreadableReportError(Exception):
    """A report from which nothing can be counted, and why."""


@dataclass
class ToldTest:
    """A test as the report tells it."""

    name: str
    """Class and name, joined by a dot."""
    outcome: Outcome = "passed"
    """The first bad one, whatever came after it."""
    message: str = ""
    """First words of what it said."""
    told: int = 0
    """Elements that told a failure or an error."""


@dataclass
class Report:
    """The tests of a report, each counted once."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    duplicates: int = 0
    """Tests whose class and name some test before them had; they are counted like all others."""
    untold: int = 0
    """Failures and errors of the report's own totals for which it has no test."""
    bad: list[ToldTest] = field(default_factory=list)
    """The first of those that did not pass."""


def read_report(data: bytes) -> Report:
    """Count the tests of a report.

    Raises UnreadableReportError for one that is empty, too large, cut short, no JUnit XML, or that declares a document
    type: without one there are no entities.
    """
    if len(data) >= MOST_BYTES:
        raise UnreadableReportError(f"it is {MOST_BYTES / 1e6:g} MB long or longer")
    if not data.strip():
        raise UnreadableReportError("it is empty")
    return _Reader().read(data)


class _Reader:
    """Follows the elements of a report from the first to the last."""

    def __init__(self) -> None:
        self._report = Report()
        self._open: list[str] = []
        self._seen: Counter[str] = Counter()
        self._test: ToldTest | None = None
        """The test whose element is open."""
        self._listening = False
        """Whether what is read now is the text of a failure that has no message."""
        self._claimed: int | None = None
        """Failures and errors as the outermost element sums them up."""
        self._claimed_below = 0
        """The same of the suites right below it."""
        self._told = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = _check_encoding
        self._parser.StartDoctypeDeclHandler = _refuse_document_type
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, data: bytes) -> Report:
        ended = False
        try:
            for at in range(0, len(data), CHUNK):
                self._parser.Parse(data[at : at + CHUNK], False)
            ended = True
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            what = "it is cut short" if ended else "it is not well-formed XML"
            reason = expat.ErrorString(error.code)
            raise UnreadableReportError(f"{what}: {reason}, in line {error.lineno}") from error
        claimed = self._claimed_below if self._claimed is None else self._claimed
        self._report.untold = max(0, claimed - self._told)
        return self._report

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name, parent = name.rpartition(":")[2], self._open[-1] if self._open else ""
        if not parent and name not in SUITES:
            raise UnreadableReportError(f"it is no JUnit report: it begins with <{name[:40]}>")
        if len(self._open) >= MOST_DEPTH:
            raise UnreadableReportError(f"its elements lie more than {MOST_DEPTH} deep in each other")
        if name in SUITES and parent and parent not in SUITES:
            raise UnreadableReportError(f"a suite stands inside of a <{parent[:40]}>")
        self._open.append(name)
        if name in SUITES:
            self._sum_up(attributes)
        elif parent in SUITES and name == "testcase":
            self._begin(_name_of(attributes), _outcome_of(attributes))
        elif parent in SUITES and name in BAD:  # such as a set-up that failed for all of them
            self._begin("(a whole suite)")
            self._take(name, attributes)
        elif parent == "testcase" and self._test is not None:
            self._take(name, attributes)

    def _sum_up(self, attributes: dict[str, str]) -> None:
        """Take in the totals of the outermost element, or, where it has none, those of the suites right below it."""
        figures = [attributes[key] for key in ("failures", "errors") if attributes.get(key, "").isdecimal()]
        claimed = sum(int(figure[:9]) for figure in figures)
        if len(self._open) == 1 and figures:
            self._claimed = claimed
        elif len(self._open) == 2:  # noqa: PLR2004 - right below the outermost
            self._claimed_below += claimed

    def _begin(self, name: str, outcome: Outcome = "passed") -> None:
        self._report.tests += 1
        if self._report.tests > MOST_TESTS:
            raise UnreadableReportError(f"it lists more than {MOST_TESTS} tests")
        self._seen[name] += 1
        self._report.duplicates += self._seen[name] > 1
        self._test = ToldTest(name, outcome)

    def _take(self, name: str, attributes: dict[str, str]) -> None:
        """Take in what an element says of the open test: of several that tell a failure, the first."""
        test = self._test
        if test is None:
            return
        if name in BAD:
            if not test.told:
                test.outcome = BAD[name]
                test.message = (attributes.get("message") or "")[:LONGEST_MESSAGE]
                self._listening = not test.message
            test.told += 1
        elif name == "skipped" and test.outcome == "passed":
            test.outcome = "skipped"

    def _text(self, text: str) -> None:
        if self._listening and self._test is not None and len(self._test.message) < LONGEST_MESSAGE:
            self._test.message = (self._test.message + text)[:LONGEST_MESSAGE]

    def _end(self, name: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if name.rpartition(":")[2] in BAD:
            self._listening = False
        if self._test is not None and parent in SUITES:
            self._count(self._test)
            self._test = None

    def _count(self, test: ToldTest) -> None:
        report = self._report
        report.failures += test.outcome == "failed"
        report.errors += test.outcome == "error"
        report.skipped += test.outcome == "skipped"
        if test.outcome in {"failed", "error"}:
            self._told += max(1, test.told)
            if len(report.bad) < MOST_BAD:
                report.bad.append(test)


def _name_of(attributes: dict[str, str]) -> str:
    parts = (attributes.get("classname"), attributes.get("name"))
    return ".".join(part for part in parts if part)[:LONGEST_NAME] or "(without a name)"


def _outcome_of(attributes: dict[str, str]) -> Outcome:
    words = (attributes.get(key, "").lower() for key in ("status", "result"))
    return next((WORDS[word] for word in words if word in WORDS), "passed")


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise UnreadableReportError(f"it is written in {encoding[:40]}, which is not read")


def _refuse_document_type(*_told: object) -> None:
    raise UnreadableReportError("it declares a document type, which no JUnit report needs")

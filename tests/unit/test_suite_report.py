"""A JUnit report is counted, or refused with a reason; it is a product's output and may hold anything."""

import tracemalloc

import pytest

from lab.lifecycle.junit_report import (
    LONGEST_MESSAGE,
    LONGEST_NAME,
    MOST_BAD,
    MOST_BYTES,
    MOST_DEPTH,
    MOST_TESTS,
    Report,
    UnreadableReportError,
    read_report,
)

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="1" tests="6">
<testcase classname="test_a" name="test_one" time="0.1" />
<testcase classname="test_a" name="test_two[a-&quot;b&quot;]">
  <failure message="assert 1 == 2">def test_two(): ...</failure></testcase>
<testcase classname="test_a" name="test_three">
  <skipped type="pytest.skip" message="no network">x.py:3</skipped></testcase>
<testcase classname="test_b" name="test_one">
  <error message="failed on setup with &quot;boom&quot;">...</error></testcase>
<testcase classname="test_b" name="test_two"><failure>
  no message,
  but a text</failure><system-out>not this</system-out></testcase>
<testcase name="plain"><system-out>noise</system-out></testcase>
</testsuite></testsuites>"""


def read(inner: str, **attributes: str) -> Report:
    told = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return read_report(f"<testsuite{told}>{inner}</testsuite>".encode())


def refused(data: bytes) -> str:
    with pytest.raises(UnreadableReportError) as caught:
        read_report(data)
    return str(caught.value)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.tests, report.failures, report.errors, report.skipped


def test_each_test_is_counted_by_its_outcome_and_told_by_class_and_name() -> None:
    report = read_report(PYTEST)
    assert counts(report) == (6, 2, 1, 1)
    assert (report.duplicates, report.untold) == (0, 0)
    assert [(test.name, test.outcome, test.message.strip()) for test in report.bad] == [
        ('test_a.test_two[a-"b"]', "failed", "assert 1 == 2"),
        ("test_b.test_one", "error", 'failed on setup with "boom"'),
        ("test_b.test_two", "failed", "no message,\n  but a text"),
    ]


def test_suites_may_lie_in_each_other_and_have_a_namespace() -> None:
    inner = '<j:testsuite><j:testcase name="b"><j:failure/></j:testcase></j:testsuite>'
    inner = f'<j:testsuite><j:testcase name="a"/>{inner}</j:testsuite>'
    report = read_report(f'<j:testsuites xmlns:j="urn:j">{inner}<j:testcase name="c"/></j:testsuites>'.encode())
    assert counts(report) == (3, 1, 0, 0)
    assert report.bad[0].name == "b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_a_report_is_read_in_the_encoding_that_it_names(encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><testsuite><testcase name="naïve"><error/></testcase></testsuite>'
    )
    assert read_report(text.encode(encoding)).bad[0].name == "naïve"


@pytest.mark.parametrize("word", ["flakyFailure", "flakyError", "rerunFailure", "rerunError"])
def test_a_test_that_passed_only_when_it_was_run_again_did_not_pass(word: str) -> None:
    assert read(f'<testcase name="a"><{word} message="once"/></testcase>').bad[0].message == "once"


def test_two_elements_of_one_name_are_two_tests_so_that_a_second_try_erases_nothing() -> None:
    report = read('<testcase name="a"><failure/></testcase><testcase name="a"/>')
    assert (counts(report), report.duplicates) == ((2, 1, 0, 0), 1)


def test_a_test_that_failed_and_broke_is_one_test_with_what_came_first() -> None:
    report = read(
        '<testcase name="a"><failure message="first"/><error message="second"/></testcase>', failures="1", errors="1"
    )
    assert (counts(report), report.untold) == ((1, 1, 0, 0), 0)
    assert report.bad[0].message == "first"


def test_a_test_that_was_skipped_and_then_broke_broke() -> None:
    assert counts(read('<testcase name="a"><skipped/><error/></testcase>')) == (1, 0, 1, 0)
    assert counts(read('<testcase name="a"><error/><skipped/></testcase>')) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ('status="notrun"', (1, 0, 0, 1)),
        ('result="suppressed"', (1, 0, 0, 1)),
        ('status="Failed"', (1, 1, 0, 0)),
        ('status="error"', (1, 0, 1, 0)),
        ('status="run" result="completed"', (1, 0, 0, 0)),
    ],
)
def test_an_outcome_may_stand_in_an_attribute(attribute: str, expected: tuple[int, int, int, int]) -> None:
    assert counts(read(f'<testcase name="a" {attribute}/>')) == expected


def test_what_goes_wrong_with_a_whole_suite_counts_as_a_test_that_broke() -> None:
    report = read('<error message="no database"/><testcase name="a"/>')
    assert counts(report) == (2, 0, 1, 0)
    assert (report.bad[0].name, report.bad[0].message) == ("(a whole suite)", "no database")


def test_failures_that_only_the_totals_tell_are_noticed() -> None:
    assert read('<testcase name="a"/>', failures="2", errors="1").untold == 3
    assert read('<testcase name="a"/>', failures="many").untold == 0
    of_two = '<testsuite failures="1"><testcase name="a"><failure/></testcase></testsuite><testsuite errors="1"/>'
    assert read_report(f"<testsuites>{of_two}</testsuites>".encode()).untold == 1
    assert read_report(f'<testsuites failures="1">{of_two}</testsuites>'.encode()).untold == 0


def test_a_suite_without_tests_has_none() -> None:
    assert counts(read("")) == (0, 0, 0, 0)


@pytest.mark.parametrize("data", [b"", b" \n\t "])
def test_an_empty_report_is_refused(data: bytes) -> None:
    assert refused(data) == "it is empty"


@pytest.mark.parametrize("length", [1, 40, 200, len(PYTEST) - 1])
def test_a_report_that_was_cut_short_is_refused_wherever_it_was_cut(length: int) -> None:
    assert refused(PYTEST[:length]).startswith("it is cut short: ")


@pytest.mark.parametrize(
    "data",
    [b"all tests passed", b"{}", b"\x00\x01\x02", b"<testsuite>\x1b[31m</testsuite>", b"<testsuite></testsuites>",
     b"<testsuite/><testsuite/>", b"<testsuite>&nbsp;</testsuite>", b"<testsuite>\xff\xfe</testsuite>"],
)  # fmt: skip
def test_what_is_no_xml_is_refused(data: bytes) -> None:
    assert refused(data).startswith("it is not well-formed XML: ")


def test_xml_of_another_kind_is_refused() -> None:
    assert refused(b"<html><body/></html>") == "it is no JUnit report: it begins with <html>"
    assert refused(b"<testcase name='a'/>") == "it is no JUnit report: it begins with <testcase>"


LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))


@pytest.mark.parametrize(
    "text",
    [
        f'<!DOCTYPE testsuite [<!ENTITY l0 "ha">{LAUGHS}]><testsuite>&l9;</testsuite>',
        '<!DOCTYPE testsuite [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite>&a;</testsuite>',
        '<!DOCTYPE testsuite [<!ENTITY % a SYSTEM "http://127.0.0.1:9/a.dtd">%a;]><testsuite/>',
        '<!DOCTYPE testsuite SYSTEM "http://127.0.0.1:9/a.dtd"><testsuite/>',
        "<!DOCTYPE testsuite><testsuite/>",
    ],
)
def test_a_document_type_is_refused_and_nothing_is_fetched_or_multiplied(text: str) -> None:
    assert refused(text.encode()) == "it declares a document type, which no JUnit report needs"


@pytest.mark.parametrize("encoding", ["utf-7", "zlib", "idna", "nosuch", "cp1252", "utf_8_sig"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    said = refused(f'<?xml version="1.0" encoding="{encoding}"?><testsuite/>'.encode())
    assert said == f"it is written in {encoding}, which is not read"


def test_a_report_of_the_longest_size_is_refused_for_it_may_have_been_cut_there() -> None:
    whole = b"<testsuite>" + b" " * (MOST_BYTES - 24) + b"</testsuite>"
    assert read_report(whole).tests == 0
    assert refused(whole + b" ") == "it is 20 MB long or longer"


def test_elements_lie_only_so_deep_in_each_other() -> None:
    fits = MOST_DEPTH
    assert read_report(b"<testsuite>" * fits + b"</testsuite>" * fits).tests == 0
    assert "more than 100 deep" in refused(b"<testsuite>" * 1_000_000)


def test_a_suite_inside_of_a_test_cannot_hide_the_test() -> None:
    hiding = (
        b"<testsuite><testcase name='a'><testsuite><testcase name='b'/></testsuite><failure/></testcase></testsuite>"
    )
    assert refused(hiding) == "a suite stands inside of a <testcase>"


def test_a_test_inside_of_a_test_hides_nothing() -> None:
    assert counts(read("<testcase name='a'><testcase name='b'/><failure/></testcase>")) == (1, 1, 0, 0)


def test_only_so_many_tests_are_counted() -> None:
    assert f"more than {MOST_TESTS} tests" in refused(b"<testsuite>" + b"<testcase/>" * (MOST_TESTS + 1))


def test_names_and_messages_are_cut_and_the_list_of_failures_ends() -> None:
    long = "x" * 5_000
    one = f'<testcase classname="{long}" name="a"><failure message="{long}"/></testcase>'
    other = f"<testcase><failure>{long}</failure></testcase>"
    report = read(one + other * (MOST_BAD + 10))
    assert report.failures == MOST_BAD + 11
    assert len(report.bad) == MOST_BAD
    assert {len(test.message) for test in report.bad} == {LONGEST_MESSAGE}
    assert [len(test.name) for test in report.bad[:2]] == [LONGEST_NAME, len("(without a name)")]


def test_memory_stays_near_the_size_of_the_report() -> None:
    data = b"<testsuite><testcase name='a'><failure>" + b"x" * 15_000_000 + b"</failure></testcase></testsuite>"
    tracemalloc.start()
    try:
        read_report(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000

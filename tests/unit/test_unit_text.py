"""The texts that systemd is given, and what is read from those that it gives."""

from dataclasses import replace

import pytest

from lab.environment.base import Service
from lab.environment.places import Places
from lab.environment.units.unitfile import (
    Terms,
    drop_in_text,
    environment_text,
    left_behind_in,
    quoted,
    sections,
    state_of,
    unit_text,
)

TERMS = Terms("product", Places(), "/etc/lab/product.env", 20.0, memory_mb=512)
SERVICE = Service(("/opt/a b/run", "--share=50%", "$HOME"), {"KEY": "secret"}, "/var/lib/product", 8881)
SHOWN = {
    "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success", "MainPID": "77",
    "NRestarts": "0", "ExecMainCode": "0", "ExecMainStatus": "0", "UnitFileState": "enabled", "User": "product",
    "ExecMainStartTimestamp": "Mon 2026-11-23 04:46:50 UTC", "InvocationID": "f9cb",
}  # fmt: skip


def shown(**changed: str) -> str:
    return "".join(f"{name}={value}\n" for name, value in (SHOWN | changed).items())


def test_a_unit_of_the_lab_is_hardened_and_keeps_secrets_out_of_its_text() -> None:
    lines = unit_text(SERVICE, TERMS).splitlines()
    for wanted in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077",
                   "User=product", "EnvironmentFile=/etc/lab/product.env", "TimeoutStopSec=20", "MemoryMax=512M",
                   "WantedBy=multi-user.target"):  # fmt: skip
        assert wanted in lines
    assert "secret" not in "".join(lines)


def test_the_product_may_write_into_its_own_places_only() -> None:
    assert 'ReadWritePaths="/opt/product" "/var/lib/product" "/etc/product"' in unit_text(SERVICE, TERMS)


def test_homes_are_closed_unless_its_interpreter_lies_in_one() -> None:
    texts = [unit_text(SERVICE, replace(TERMS, homes=homes)) for homes in (False, True)]
    assert [text.count("ProtectHome=read-only") for text in texts] == [0, 1]
    assert texts[1].rindex("ProtectHome=read-only") > texts[1].rindex("ProtectHome=yes")  # the last one counts


def test_its_command_reaches_the_product_word_by_word() -> None:
    assert 'ExecStart="/opt/a b/run" "--share=50%%" "$$HOME"\n' in unit_text(SERVICE, TERMS)


def test_to_a_unit_of_the_product_only_what_the_operator_decides_is_added() -> None:
    text = drop_in_text(SERVICE, TERMS)
    assert "ExecStart" not in text
    assert text.splitlines()[0] == "[Service]"
    assert {"User=product", "TimeoutStopSec=20"} < set(text.splitlines())


def test_quotes_and_lines_in_a_word_are_kept() -> None:
    assert quoted('a "b"\n\\c') == '"a \\"b\\"\\n\\\\c"'


def test_an_environment_file_keeps_quotes_dollars_and_backslashes() -> None:
    assert environment_text({"B": "x", "A": 'a "b" $c `d` \\ %n'}) == 'A="a \\"b\\" \\$c \\`d\\` \\\\ %n"\nB="x"\n'


def test_a_running_unit_has_no_exit_code() -> None:
    state = state_of(shown())
    assert (state.running, state.pid, state.exit_code, state.oom_killed) == (True, 77, None, False)
    assert state.extra["unit"]["enabled"] == "enabled"


@pytest.mark.parametrize(
    ("code", "status", "result", "exit_code"),
    [
        ("1", "0", "success", 0),
        ("1", "3", "exit-code", 3),
        ("2", "15", "success", 0),
        ("2", "15", "exit-code", 143),
        ("2", "9", "timeout", 137),
        ("2", "9", "signal", 137),
        ("3", "6", "core-dump", 134),
    ],
)
def test_an_end_is_counted_as_systemd_counts_it(code: str, status: str, result: str, exit_code: int) -> None:
    ended = shown(MainPID="0", ActiveState="failed", ExecMainCode=code, ExecMainStatus=status, Result=result)
    state = state_of(ended)
    assert (state.running, state.exit_code) == (False, exit_code)
    assert state.extra["unit"]["exec_main_status"] == int(status)


def test_a_unit_that_waits_to_be_started_again_does_not_run() -> None:
    state = state_of(shown(MainPID="0", ActiveState="activating", SubState="auto-restart", ExecMainCode="1",
                           ExecMainStatus="1", Result="exit-code", NRestarts="2"))  # fmt: skip
    assert not state.running
    assert (state.exit_code, state.extra["unit"]["n_restarts"]) == (1, 2)


def test_the_kernel_ending_it_for_want_of_memory_is_told() -> None:
    assert state_of(shown(MainPID="0", ExecMainCode="2", ExecMainStatus="9", Result="oom-kill")).oom_killed


def test_a_unit_that_never_ran_has_neither_process_nor_exit_code() -> None:
    state = state_of("LoadState=not-found\nActiveState=inactive\nMainPID=0\nExecMainCode=0\nExecMainStatus=0\n")
    assert (state.running, state.exit_code) == (False, None)


def test_processes_that_systemd_had_to_kill_or_left_were_left_behind() -> None:
    said = (
        "product.service: Killing process 85 (sleep) with signal SIGKILL.\n"
        "product.service: Killing process 77 (python3) with signal SIGKILL.\n"
        "product.service: Unit process 86 (sh) remains running after unit stopped.\n"
        "product.service: Deactivated successfully.\n"
    )
    assert left_behind_in(said, 77, {85: "sleep 4711"}) == ["sleep 4711", "sh"]


def test_an_end_of_which_systemd_tells_nothing_else_left_nothing_behind() -> None:
    assert left_behind_in("product.service: Deactivated successfully.\n", 77, {}) == []


def test_what_was_gathered_in_one_go_is_told_apart() -> None:
    assert sections(b"a\n\x1e\nb\n\x1e\n", ("x", "y", "z")) == {"x": b"a\n", "y": b"b\n", "z": b""}

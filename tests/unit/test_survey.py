"""What a survey sees of a folder, and how two surveys differ, names that nobody would choose included."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.environment.survey import (
    MOST_TOLD,
    SCRIPT,
    Request,
    Survey,
    bounded,
    compare,
    in_layer,
    parsed,
    survey_by,
)
from lab.errors import InfrastructureError
from lab.lifecycle.survey import without_exempt
from lab.lifecycle.uninstall import lost
from lab.process import CommandResult


def run(words: Sequence[str], timeout: float) -> CommandResult:
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, timeout=timeout, check=False)
    return CommandResult(tuple(words), done.returncode, done.stdout, done.stderr, 0.0)


def look(folder: Path, *prune: str) -> Survey:
    return survey_by(run, Request([str(folder)], [str(folder)], prune))


def test_a_changed_content_mode_and_name_show_and_an_untouched_file_does_not(tmp_path: Path) -> None:
    for name in ("same", "content", "mode", "gone"):
        (tmp_path / name).write_text("old")
    before = look(tmp_path)
    (tmp_path / "content").write_text("new")
    (tmp_path / "mode").chmod(0o600)
    (tmp_path / "gone").unlink()
    (tmp_path / "folder").mkdir()
    os.utime(tmp_path / "same", ns=(1, 1))

    told = compare(before, look(tmp_path))

    assert [Path(path).name for path in told["added"]] == ["folder"]
    assert sorted(Path(path).name for path in told["changed"]) == ["content", "mode"]
    assert [Path(path).name for path in told["removed"]] == ["gone"]


def test_names_with_newlines_quotes_and_bytes_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    names = [b"two\nlines", b'quo"te', b"\xff\xfe", b"-rf", "naïve".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")

    seen = look(tmp_path)

    assert seen.files is not None
    assert {os.fsencode(path).rpartition(b"/")[2] for path in seen.files} == set(names)


def test_links_pipes_and_what_is_left_out_are_no_trap(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to("/nowhere")
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "file").touch()

    files = look(tmp_path, f"{tmp_path}/left").files

    assert files is not None
    assert {Path(path).name: what.split()[0] for path, what in files.items()} == {
        "pipe": "special", "loop": "link", "dangling": "link",
    }  # fmt: skip


def test_a_part_that_one_survey_did_not_see_is_not_compared() -> None:
    told = compare(Survey(files={}, ports=(80,)), Survey(files={"/a": "x"}, processes=("sh",)))
    assert told["unseen"] == ["accounts", "ports", "processes", "units"]
    assert told["added"] == ["/a"]
    assert "ports" not in told
    assert "processes" not in told


def test_a_second_process_of_the_same_words_is_one_more() -> None:
    before, after = Survey(processes=("sh",)), Survey(processes=("sh", "sh"))
    assert compare(before, after)["processes"] == ["sh"]


def test_an_answer_that_was_cut_short_is_the_labs_error() -> None:
    with pytest.raises(InfrastructureError, match="cut short"):
        parsed(b'{"files": {"/a"', Request([], []))


def test_what_the_engine_tells_of_a_layer_is_freed_of_mounts_and_parents() -> None:
    told = [
        {"Path": "/home", "Kind": 0}, {"Path": "/home/product", "Kind": 0}, {"Path": "/home/product/.state", "Kind": 1},
        {"Path": "/opt", "Kind": 0}, {"Path": "/opt/product", "Kind": 1}, {"Path": "/run/x", "Kind": 1},
        {"Path": "/etc/passwd", "Kind": 0}, {"Path": "/bin/sh", "Kind": 2},
    ]  # fmt: skip
    assert in_layer(told, ["/opt/product"], "product") == {
        "/home/product/.state": "added in the container of the product",
        "/etc/passwd": "changed in the container of the product",
        "/bin/sh": "deleted in the container of the product",
    }
    assert in_layer(None, [], "product") == {}


def test_of_very_many_paths_the_number_of_the_others_is_told() -> None:
    paths = [str(number) for number in range(MOST_TOLD + 5)]
    assert bounded(paths)[-1] == "… and 5 more"
    assert bounded(paths[:3]) == paths[:3]


def test_what_is_exempt_is_sorted_out_before_the_rest_is_bounded() -> None:
    files = [f"/home/p/.cache/{number}" for number in range(MOST_TOLD + 40)]
    exempt = [{"path": "/home/*/.cache/*", "reason": "documented"}, {"path": "/etc/x", "reason": "documented"}]
    others, used = without_exempt([*files, "/home/p/.x"], exempt)
    assert others == ["/home/p/.x"]
    assert [each["used"] for each in used] == [MOST_TOLD + 40, 0]
    assert without_exempt(files, [])[0][-1] == "… and 40 more"


def test_a_truncated_survey_says_so(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).touch()
    asked = {"roots": [str(tmp_path)], "hashed": [], "prune": [], "most": 2, "machine": False, "units": [], "user": ""}
    seen = parsed(run(["python3", "-c", SCRIPT, json.dumps(asked)], 30).stdout, Request([], []))
    assert seen.truncated
    assert len(seen.files or {}) == 2


def test_what_the_lab_itself_deleted_is_not_lost() -> None:
    removed = ["/opt/p/venv/bin/p", "/opt/p/tree/.env", "/opt/p/tree-2/.env", "/etc/p/settings", "/var/log/x"]
    kept, deleted = ["/opt/p/tree", "/opt/p/tree-2", "/etc/p"], ["/opt/p/venv", "/opt/p/tree"]
    assert lost(removed, kept, deleted) == ["/opt/p/tree-2/.env", "/etc/p/settings"]
    assert lost(removed, kept, []) == ["/opt/p/tree/.env", "/opt/p/tree-2/.env", "/etc/p/settings"]

"""The script of the step `search`, run as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.lifecycle.search import SEARCH_SCRIPT, _evidence, _within

SECRET = "https://ada:hunter22@index.corp.example/simple"
SOUGHT = {"PIP_INDEX_URL": [SECRET, "index.corp.example", "hunter22"], "HTTPS_PROXY": ["proxy.corp.example"]}


def search(*places: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SEARCH_SCRIPT, *map(str, places)],
        env={**os.environ, "LAB_SOUGHT": json.dumps(SOUGHT)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"hunter22" not in done.stdout
    assert b"corp.example" not in done.stdout
    return dict(json.loads(done.stdout))


def test_a_setting_is_told_by_its_name_and_the_file_and_never_by_its_value(tmp_path: Path) -> None:
    kept = tmp_path / "venv" / "direct_url.json"
    kept.parent.mkdir()
    kept.write_text(f'{{"url": "{SECRET}/x.whl"}}')
    (tmp_path / "README").write_text("nothing to see")
    found = search(tmp_path)
    assert found["found"] == [["PIP_INDEX_URL", str(kept)]]
    assert (found["files"], found["unread"]) == (2, [])


def test_several_settings_in_a_binary_file_are_all_told(tmp_path: Path) -> None:
    place = tmp_path / "reference.db"
    place.write_bytes(b"\0\xff" + b"hunter22" + b"\0" * 100 + b"proxy.corp.example\0")
    assert search(place)["found"] == [["HTTPS_PROXY", str(place)], ["PIP_INDEX_URL", str(place)]]


def test_a_value_that_lies_across_two_readings_is_found(tmp_path: Path) -> None:
    for before in ((1 << 20) - 4, (1 << 20) - 1, (1 << 20), 2 * (1 << 20) - 5):
        place = tmp_path / str(before)
        place.write_bytes(b"x" * before + b"hunter22" + b"x" * 100)
        assert search(place)["found"] == [["PIP_INDEX_URL", str(place)]]


def test_pipes_and_links_are_not_read_and_a_missing_folder_is_no_fault(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    assert search(tmp_path, tmp_path / "missing") == {"found": [], "files": 0, "unread": []}


def test_a_setting_in_the_labs_own_evidence_is_found_by_file(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "stdout").write_text("Looking in indexes: https://index.corp.example/simple")
    (tmp_path / "events.ndjson").write_text("{}")
    assert list(_evidence(SOUGHT, tmp_path)) == [("PIP_INDEX_URL", "steps/stdout")]


def test_variables_that_hold_a_setting_are_told_by_their_place() -> None:
    known = {"the product's variables": b"A=1\0HTTPS_PROXY=http://proxy.corp.example\0", "its image": b"[]"}
    assert list(_within(SOUGHT, known)) == [("HTTPS_PROXY", "the product's variables")]

"""What `lab clean` takes away, what it leaves, and what it says of that; and a shell that was none."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from engine_sample import SampleEngine, sample_engine

from lab import kept, paths
from lab.commands.tending import clean_command
from lab.environment.containers.engine import CACHE, OWNER, RUN, TRIAL
from lab.environment.images.momentary import MARK
from lab.environment.remote.inventory import Host
from lab.environment.remote.trial import HostTrial
from lab.errors import InfrastructureError
from lab.locks import held
from lab.reaper import HOST_NOTES
from lab.records.store import LOCK_FILE, RUN_FILE

ID = "0123456789abcdef" * 2
UNREACHABLE = Host("far", address="127.0.0.1", port=1, user="root", inventory="inventory.yml")
HERE = Host("here", local=True, user="root", inventory="inventory.yml")


@pytest.fixture(autouse=True)
def places(lab_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths.cache().mkdir(parents=True)
    return lab_home


@pytest.fixture
def run() -> Path:
    folder = paths.runs() / f"20260101T000000Z-upgrade-{ID}"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[SampleEngine]:
    with sample_engine() as sample:
        monkeypatch.setenv("DOCKER_HOST", sample.address)
        yield sample


def note(run: Path, host: Host) -> Path:
    return HostTrial(host, paths.place(run, ID, "trial").name).note(run / HOST_NOTES)


def cleaned(
    capsys: pytest.CaptureFixture[str], *, cache: bool = False, keep_runs: int | None = None
) -> tuple[int, str]:
    code = clean_command(cache=cache, keep_runs=keep_runs, kept=False)
    return code, capsys.readouterr().out


def test_a_run_that_left_nothing_goes_and_the_last_line_says_that_all_is_clean(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = cleaned(capsys, keep_runs=0)
    assert (code, run.exists()) == (0, False)
    assert f"removed run {run.name}" in said
    assert said.splitlines()[-1] == "lab exit 0: clean"


def test_a_run_stays_that_alone_knows_what_it_left_on_a_host_that_is_down(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = note(run, UNREACHABLE)
    code, said = cleaned(capsys, keep_runs=0)
    assert path.is_file()
    assert "is still there" in said
    assert f"run {run.name} stays: it alone knows what it has left on machines" in said
    assert (code, said.splitlines()[-1]) == (3, "lab exit 3: 1 thing could not be removed")


def test_a_run_stays_whose_folders_on_this_machine_cannot_be_removed(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / paths.PLACES / "trial").mkdir(parents=True)
    monkeypatch.setattr(kept, "remove_places", lambda folder: [f"folder {folder}: Device or resource busy"])
    code, said = cleaned(capsys, keep_runs=0)
    assert (run / paths.PLACES).is_dir()
    assert (code, "Device or resource busy" in said) == (3, True)


def test_what_is_kept_for_a_while_is_no_failure(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / paths.PLACES / "trial").mkdir(parents=True)
    attempt = run / "trials/cell/001/attempt-1"
    attempt.mkdir(parents=True)
    (attempt / kept.KEPT_FILE).write_text(json.dumps({"trial": "trial", "until": time.time() + 3600}), "utf8")
    code, said = cleaned(capsys, keep_runs=0)
    assert (code, run.exists()) == (0, True)
    assert "kept until" in said


def test_caches_stay_while_a_run_goes_on_and_nothing_else_is_touched(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = run.with_name(f"20250101T000000Z-upgrade-{'f' * 32}")
    dead.mkdir()
    with (
        held(run / LOCK_FILE),
        pytest.raises(InfrastructureError, match=f"--cache would take away what runs need that go on: {run.name}"),
    ):
        cleaned(capsys, cache=True, keep_runs=0)
    assert paths.cache().is_dir()
    assert dead.is_dir()
    assert cleaned(capsys, cache=True)[0] == 0
    assert not paths.cache().exists()


def test_caches_stay_while_a_selftest_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    folder = paths.lab_home() / "selftest" / ID
    folder.mkdir(parents=True)
    with held(folder / LOCK_FILE), pytest.raises(InfrastructureError, match=ID):
        cleaned(capsys, cache=True)


def test_an_image_that_is_in_use_stays_and_is_said(engine: SampleEngine, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("lab/used:1", "lab/free:1"):
        engine.images[name] = {"Id": name, "RepoTags": [name], "Labels": {CACHE: "platform"}}
    engine.volumes["lab-cache-uv"] = {CACHE: "uv"}
    engine.different["DELETE /images/lab/used:1"] = lambda: (409, {"message": "image is being used"})
    code, said = cleaned(capsys, cache=True)
    assert "image lab/used:1 stays: image is being used" in said
    assert "removed image lab/free:1" in said
    assert engine.volumes == {}
    assert code == 3


def test_an_object_of_a_dead_run_that_the_engine_does_not_remove_is_not_said_to_be_gone(
    engine: SampleEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.add("dead", {RUN: ID, TRIAL: "trial", OWNER: paths.owner()})
    engine.different["DELETE /containers/dead"] = lambda: (500, {"message": "device busy"})
    code, said = cleaned(capsys)
    assert code == 3
    assert "device busy" in said
    assert "removed trial" not in said


def test_what_the_cache_needed_for_a_moment_goes_when_its_process_is_dead(
    engine: SampleEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.add("dead", {CACHE: "filling", OWNER: paths.owner(), MARK: "0"})
    engine.add("others", {CACHE: "filling", OWNER: "another", MARK: "1"})
    assert cleaned(capsys)[0] == 0
    assert set(engine.containers) == {"others"}


def test_objects_of_a_run_that_began_while_it_was_swept_are_left_alone(
    engine: SampleEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    run = paths.runs() / f"20260101T000000Z-upgrade-{ID}"
    with ExitStack() as going_on:

        def begin() -> None:
            if not run.exists():
                run.mkdir(parents=True)
                going_on.enter_context(held(run / LOCK_FILE))
                engine.add("new", {RUN: ID, TRIAL: "trial", OWNER: paths.owner()})

        engine.different["GET /version"] = begin
        assert cleaned(capsys)[0] == 0
    assert set(engine.containers) == {"new"}


# -- a shell ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "ended", "code"), [(UNREACHABLE, 255, 3), (UNREACHABLE, 1, 0), (UNREACHABLE, 0, 0), (HERE, 255, 0)]
)
def test_a_shell_on_a_host_that_is_down_was_none(
    run: Path, monkeypatch: pytest.MonkeyPatch, host: Host, ended: int, code: int
) -> None:
    (run / RUN_FILE).write_text("{}", "utf8")
    attempt = run / "trials/cell/001/attempt-1"
    attempt.mkdir(parents=True)
    kept.note_kept(attempt, "trial")
    note(run, host)
    monkeypatch.setattr(subprocess, "call", lambda _words: ended)
    assert kept.shell("last", "toolbox") == code

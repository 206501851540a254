"""Commands and files: the same in every environment."""

import io
import os
import tarfile
import threading
import time

import pytest

from lab.errors import Interrupted
from lab.process import CommandResult
from tests.contract.places import Place, Places
from tests.contract.waiting import eventually

SECONDS = 30.0
ALL_BYTES = "import os; os.write(1, bytes(range(256))); os.write(2, bytes(reversed(range(256))))"


def test_an_exit_code_comes_back_as_it_was(shared: Place) -> None:
    codes = [shared.environment.run(["sh", "-c", f"exit {code}"], timeout=SECONDS).exit_code for code in (0, 1, 7, 255)]
    assert codes == [0, 1, 7, 255]


def test_output_comes_back_byte_by_byte_and_apart(shared: Place) -> None:
    done = shared.environment.run(["python3", "-c", ALL_BYTES], timeout=SECONDS)
    assert done.stdout == bytes(range(256))
    assert done.stderr == bytes(reversed(range(256)))


def test_words_reach_the_program_as_they_are(shared: Place) -> None:
    words = ["two words", "$HOME", "a'b\"c", "line\nbreak", ";exit 3", "*", "", "naïve"]
    done = shared.environment.run(["python3", "-c", "import sys; print(ascii(sys.argv[1:]))", *words], timeout=SECONDS)
    assert done.stdout.decode().strip() == ascii(words)


def test_a_program_that_is_not_there_is_an_exit_code_of_its_own(shared: Place) -> None:
    done = shared.environment.run(["no-such-program"], timeout=SECONDS)
    assert done.exit_code in {126, 127}


def test_a_command_runs_where_it_is_told_to(shared: Place) -> None:
    data = shared.environment.bindings.places.data
    done = shared.environment.run(["pwd"], timeout=SECONDS, directory=data)
    assert done.stdout.decode().strip() == data


def test_a_command_gets_the_variables_it_is_given_and_none_of_this_machines(
    shared: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "hush")
    done = shared.environment.run(["env"], timeout=SECONDS, environment={"GIVEN": "a b"})
    lines = done.stdout.decode().splitlines()
    assert "GIVEN=a b" in lines
    assert not [line for line in lines if "hush" in line]


def test_a_command_that_runs_too_long_is_ended_with_all_that_it_started(shared: Place) -> None:
    data = shared.environment.bindings.places.data
    script = f"(while :; do date > {data}/alive; sleep 0.05; done) & wait"
    started = time.monotonic()
    done = shared.environment.run(["sh", "-c", script], timeout=1)
    assert done.timed_out
    assert time.monotonic() - started < SECONDS

    def quiet() -> bool:
        asked = shared.environment.run(["sh", "-c", f"rm -f {data}/alive; sleep 0.3; ls {data}"], timeout=SECONDS)
        return b"alive" not in asked.stdout

    eventually(quiet, "the command's child has ended, too")


def test_a_file_is_written_with_its_folders_and_its_mode(shared: Place) -> None:
    path = f"{shared.environment.bindings.places.config}/new folder/file.bin"
    shared.environment.put(bytes(range(256)), path, mode=0o600)
    assert shared.environment.get(path) == bytes(range(256))
    done = shared.environment.run(["stat", "--format=%a", path], timeout=SECONDS)
    assert done.stdout.decode().strip() == "600"


def test_a_file_is_written_over(shared: Place) -> None:
    path = f"{shared.environment.bindings.places.data}/file"
    shared.environment.put(b"a longer text than the next", path)
    shared.environment.put(b"short", path)
    assert shared.environment.get(path) == b"short"


def test_what_is_no_file_reads_as_none_and_nothing_hangs(shared: Place) -> None:
    data = shared.environment.bindings.places.data
    shared.environment.run(["mkfifo", f"{data}/pipe"], timeout=SECONDS)
    got = [shared.environment.get(f"{data}/{name}") for name in ("missing", "pipe", ".")]
    assert [each or None for each in got] == [None, None, None]


def test_an_archive_is_unpacked_with_modes_and_links(shared: Place) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("folder/program")
        member.size, member.mode, member.uid, member.gid = 5, 0o755, 1000, 1000
        tar.addfile(member, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "folder/program"
        tar.addfile(link)
    tree = shared.environment.bindings.places.tree
    shared.environment.unpack(buffer.getvalue(), tree)
    assert shared.environment.get(f"{tree}/link") == b"hello"
    done = shared.environment.run(["test", "-x", f"{tree}/folder/program"], timeout=SECONDS)
    assert done.ok


def test_the_installers_interpreter_runs(shared: Place) -> None:
    done = shared.environment.run(
        [shared.environment.bindings.python, "-c", "import venv, sqlite3, ssl"], timeout=SECONDS
    )
    assert done.ok, done.tail()


def test_the_language_model_answers_where_the_product_will_ask_for_it(shared: Place) -> None:
    shared.environment.services.ready()
    script = (
        "import sys, urllib.error, urllib.request\n"
        "try: print(urllib.request.urlopen(sys.argv[1], timeout=5).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    done = shared.environment.run(["python3", "-c", script, shared.environment.bindings.llm_url], timeout=SECONDS)
    assert done.stdout.decode().strip() in {"200", "404", "405"}, done.tail()


def test_two_places_side_by_side_do_not_meet(places: Places) -> None:
    with places.open("one") as one, places.open("two") as two:
        for place, text in ((one, b"of one"), (two, b"of two")):
            place.environment.put(text, f"{place.environment.bindings.places.data}/file")
        got = [place.environment.get(f"{place.environment.bindings.places.data}/file") for place in (one, two)]
        assert got == [b"of one", b"of two"]


def test_an_abort_ends_what_is_under_way(place: Place) -> None:
    ended: list[object] = []

    def long() -> None:
        try:
            ended.append(place.environment.run(["sleep", "120"], timeout=200))
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=long)
    thread.start()
    os.sched_yield()
    place.environment.abort()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert place.environment.aborted
    assert not [each for each in ended if isinstance(each, CommandResult) and each.ok]

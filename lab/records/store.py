"""The run folders: the truth about what was run, readable at every moment."""

import errno
import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from lab import locks, paths
from lab.errors import DiskFullError, InfrastructureError, UsageError
from lab.records.model import RunRecord, TrialResult
from lab.template import near

RUN_FILE = "run.json"
RESULT_FILE = "result.json"
LOCK_FILE = "lock"
"""Held, within a run's folder, by the process that writes it."""
NAME = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<scenario>.+)-(?P<run_id>[0-9a-f]{32})")

Status = Literal["running", "finished", "interrupted", "cut short"]


class Trials(NamedTuple):
    """Stored results, and a sentence for each one that could not be read."""

    results: list[TrialResult]
    problems: list[str]


def run_folder(record: RunRecord) -> Path:
    """Return where a run of this lab lies."""
    stamp = datetime.fromisoformat(record.started).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return paths.runs() / f"{stamp}-{record.scenario}-{record.run_id}"


def create_run(record: RunRecord) -> Path:
    """Make the run's folder with its first `run.json`; it is a run once that file is there.

    Raises InfrastructureError if it cannot be written, or if there is such a run.
    """
    folder = run_folder(record)
    with _explained(folder):
        folder.mkdir(parents=True)
    write_json(folder / RUN_FILE, record)
    return folder


def trial_folder(run: Path, cell_folder: str, trial: int, attempt: int) -> Path:
    """Return where an attempt's evidence lies; the cell is named as a folder."""
    return run / "trials" / cell_folder / f"{trial:03d}" / f"attempt-{attempt}"


def write_json(path: Path, content: BaseModel | Mapping[str, Any]) -> None:
    """Write a record as JSON, as `write_text` does."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else dict(content)
    write_text(path, json.dumps(plain, ensure_ascii=False, indent=2, default=str) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or what was there before, also after a power cut.

    Raises DiskFullError when no space is left, InfrastructureError for what else keeps it from being written.
    """
    # A text that came from the product may hold what UTF-8 cannot say; it must not cost the whole result.
    data = text.encode("utf8", "replace")
    with _explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                temporary.unlink()
            raise
        _keep_name(path.parent)


def read_run(folder: Path) -> RunRecord:
    """Read a run's record.

    Raises InfrastructureError if it is missing or cannot be understood.
    """
    try:
        return RunRecord.model_validate_json((folder / RUN_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise InfrastructureError(f"cannot read {folder / RUN_FILE}: {_why(error)}") from error


def read_trials(folder: Path) -> Trials:
    """Read every attempt's result, by cell, trial and attempt; what cannot be read becomes a problem."""
    found = Trials([], [])
    for attempt in sorted((folder / "trials").glob("*/*/attempt-*")):
        path = attempt / RESULT_FILE
        try:
            found.results.append(TrialResult.model_validate_json(path.read_bytes()))
        except FileNotFoundError:
            found.problems.append(f"{attempt} has no result: the attempt is under way or was cut short")
        except (OSError, ValidationError) as error:
            found.problems.append(f"cannot read {path}: {_why(error)}")
    found.results.sort(key=lambda result: (result.cell, result.trial, result.attempt))
    return found


def list_runs() -> list[Path]:
    """Return the folders of all runs, newest first."""
    found = []
    for folder in paths.runs().glob("*"):
        named = NAME.fullmatch(folder.name)
        if named and (folder / RUN_FILE).is_file():
            # The name tells the second; the file's time orders runs that began within one.
            found.append((named["stamp"], (folder / RUN_FILE).stat().st_mtime_ns, folder.name, folder))
    return [folder for *_, folder in sorted(found, reverse=True)]


def find_run(text: str) -> Path:
    """Return the run meant by its folder's name, by the beginning of its id, or by `last`.

    Raises UsageError if there is none or more than one.
    """
    known = list_runs()
    if not known:
        raise UsageError(f"there are no runs in {paths.runs()}", hint="lab run SCENARIO makes one")
    if text == "last":
        return known[0]
    meant = [folder for folder in known if text and (folder.name == text or run_id_of(folder).startswith(text))]
    if not meant:
        words = {word: folder.name for folder in known for word in (folder.name, run_id_of(folder), "last")}
        raise UsageError(f"there is no run '{text}'{near(text, words)}", hint=f"the last one is {known[0].name}")
    if len(meant) > 1:
        listed = "\n".join(f"  {folder.name}" for folder in meant)
        raise UsageError(f"'{text}' may mean {len(meant)} runs:\n{listed}", hint="give more of the run's id")
    return meant[0]


def effective_status(folder: Path) -> Status:
    """Return how the run stands: one that says it is running although no process holds its lock was cut short."""
    try:
        alive = locks.is_held(folder / LOCK_FILE)  # asked first: a run that ends says so before it lets go
    except OSError:
        alive = True  # another user's, or on a read-only disk: what the record says is all there is to know
    status = read_run(folder).status
    return "cut short" if status == "running" and not alive else status


def run_id_of(folder: Path) -> str:
    """Return the run's id, which its folder is named by."""
    return folder.name.rpartition("-")[2]


def _keep_name(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system says into an error of the lab."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError(
                f"no space is left for {folder}", hint="free some: lab clean --cache, lab clean --keep-runs N"
            ) from error
        raise InfrastructureError(f"cannot write in {folder}: {error.strerror or error}") from error


def _why(error: OSError | ValidationError) -> str:
    """Return the cause in one line."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return " ".join([".".join(map(str, first["loc"])), first["msg"]]).strip()
    return error.strerror or str(error)

"""Where the lab's files lie."""

import hashlib
import os
from pathlib import Path

PLACES = "places"
"""Folder, within a run's, in which products run on this machine itself."""
CHECKOUT = Path(__file__).resolve().parent.parent


def lab_home() -> Path:
    """Folder of runs and index: LAB_HOME, else `.lab` in the checkout."""
    return Path(os.environ.get("LAB_HOME") or CHECKOUT / ".lab").absolute()


def runs() -> Path:
    """Folder that holds one folder a run."""
    return lab_home() / "runs"


def place(run: Path, run_id: str, trial: str) -> Path:
    """Return the folder of a trial that runs on this machine itself; its name is unlike any other run's."""
    return run / PLACES / f"{run_id[:12]}-{hashlib.sha256(trial.encode()).hexdigest()[:8]}"


def index() -> Path:
    """Database that indexes the runs; it can be rebuilt from them."""
    return lab_home() / "lab.db"


def cache() -> Path:
    """Content-addressed caches, shared by all checkouts of a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lab"


def scenarios() -> Path:
    """Folder of the scenario files."""
    return CHECKOUT / "scenarios"


def products() -> Path:
    """Folder of the product definitions."""
    return scenarios() / "products"


def images() -> Path:
    """Folder of the image sources."""
    return CHECKOUT / "images"


def owner() -> str:
    """Identify this user's results folder, so that a sweep touches only what belongs to it."""
    return hashlib.sha256(f"{os.getuid()}:{lab_home()}".encode()).hexdigest()[:16]


SESSIONS = Path("logs", "sessions")
"""File, within the folder of such a trial, that notes the sessions which its product began."""

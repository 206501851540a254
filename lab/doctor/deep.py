"""Starts systemd in a container for real, as the environment systemd does, to see whether the engine lets it."""

import secrets
import threading
from dataclasses import replace
from typing import Any

from lab.doctor.answer import Answer, Probe, examine
from lab.environment.containers import engine
from lab.environment.containers.engine import Door, Ownership
from lab.environment.containers.machine import ContainerMachine, await_systemd, boot_for
from lab.environment.containers.sweep import remove_all
from lab.errors import LabError

DEEP_SECONDS = 30.0
END_SECONDS = 10
"""How long the end waits for an engine that is still making the container, and for one that is to remove it."""
IMAGE = "lab/systemd:"
WHAT = "service manager"


def try_systemd(seconds: float = DEEP_SECONDS) -> Answer:
    """Start a container of an image that has systemd, wait until that is up, and remove it, also on interruption.

    Of an engine that does not get there in time it is said that it did not answer.
    """
    from lab.execution import interruptible

    attempt = Attempt()
    with interruptible():
        try:
            answer = examine([Probe((WHAT,), attempt.ask, seconds)])[0]
        finally:
            left = attempt.end()
    return replace(answer, found=f"{answer.found}; left: {'; '.join(left)}", next_step="lab clean") if left else answer


class Attempt:
    """One start of systemd; it is asked in a thread that may be given up, and ended by whoever waited for that."""

    def __init__(self) -> None:
        self._owned = Ownership(secrets.token_hex(16), "doctor")
        self._door: Door | None = None
        self._making = threading.Lock()
        self._over = threading.Event()

    def ask(self) -> list[Answer]:
        """Start systemd, and say how that went."""
        try:
            door = self._door = Door(engine.connect(), lambda *_words, **_facts: None)
            door.aborted = self._over  # it may have been given up before there was a door
            image = _image(door)
            if image is None:
                step = "a run in the environment systemd makes it; then ask again"
                return [Answer("warn", WHAT, "no image with systemd is on the engine yet, so it was not tried", step)]
            up = self._start(door, image)
        except LabError as error:
            step = error.hint or "the environment systemd needs another engine"
            return [Answer("fail", WHAT, f"tried: {error.message}", step)]
        told = f"tried: systemd was {up['running']} after {up['seconds']:.1f} s ({image})"
        if up["running"] == "running":
            return [Answer("pass", WHAT, told)]
        step = "trials can run, but the engine keeps something from systemd: journalctl --boot in such a container"
        return [Answer("warn", WHAT, f"{told}, without {', '.join(up['failed_units']) or 'all it wants'}", step)]

    def _start(self, door: Door, image: str) -> dict[str, Any]:
        machine = ContainerMachine(door, self._owned.name("doctor"))
        try:
            self._make(door, image)
            return await_systemd(door, machine)
        finally:
            machine.close()

    def _make(self, door: Door, image: str) -> None:
        with self._making, door("starting systemd in a container"):
            boot = boot_for(door.client.api.info())
            door.client.containers.run(
                image,
                list(boot.command),
                name=self._owned.name("doctor"),
                labels=self._owned.labels("doctor"),
                detach=True,
                network_mode="none",
                tmpfs={"/run": "", "/run/lock": ""},
                **boot.options,
            )

    def end(self) -> list[str]:
        """Remove what was made, or is just being made; return what is left, which has labels for a sweep."""
        self._over.set()
        door = self._door
        if door is None:
            return []
        waited = self._making.acquire(timeout=END_SECONDS)
        door.client.api.timeout = END_SECONDS
        left = remove_all(door.client, {engine.RUN: self._owned.run_id}, containers_only=True)
        door.client.close()
        if waited:
            self._making.release()
        return left


def _image(door: Door) -> str | None:
    """Return the newest name of an image with systemd, None where there is none."""
    with door("looking for an image with systemd"):
        made = door.client.api.images(filters={"label": engine.CACHE})
    tags = sorted((tag for image in made for tag in image["RepoTags"] or []), reverse=True)
    return next((tag for tag in tags if tag.startswith(IMAGE)), None)

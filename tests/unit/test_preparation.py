"""What is made for all trials: begun side by side, and not at all once the making ended badly."""

import threading

import pytest

from lab.preparation import BUILDERS, building


def test_what_has_not_begun_when_the_lab_is_interrupted_does_not_begin() -> None:
    begun, go_on, made = threading.Semaphore(0), threading.Event(), []

    def build(name: str) -> None:
        begun.release()
        go_on.wait(20)
        made.append(name)

    def interrupted() -> None:
        with building() as pool:
            for number in range(BUILDERS + 2):
                pool.submit(build, str(number))
            for _ in range(BUILDERS):
                begun.acquire()
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(made) == [str(number) for number in range(BUILDERS)]

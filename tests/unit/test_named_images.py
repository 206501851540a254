"""Whose fault it is that an image which somebody named is not there: the name's, or the machine's."""

import json
from collections.abc import Iterator
from contextlib import closing

import docker
import pytest
from engine_sample import SampleEngine, sample_engine

from lab.environment.images.making import Images
from lab.environment.images.platforms import Platform
from lab.errors import DiskFullError, IndexUnavailableError, InfrastructureError, VersionError

NAME = "registry.example/team/thing:1"


@pytest.fixture
def engine() -> Iterator[SampleEngine]:
    with sample_engine() as sample:
        yield sample


def based_on(engine: SampleEngine, name: str) -> str:
    with closing(docker.DockerClient(base_url=engine.address, version="1.41")) as client:
        return Images(client, lambda _text: None)._base(Platform("mine", "", "", image=name))


def refuses_to_pull(engine: SampleEngine, status: int, said: str) -> None:
    engine.different["POST /images/create"] = lambda: (status, {"message": said})


def test_an_image_on_the_engine_is_asked_of_no_registry(engine: SampleEngine) -> None:
    engine.images[NAME] = {"Id": "sha256:0"}
    assert based_on(engine, NAME) == NAME
    assert not [asked for asked in engine.asked if asked.startswith("POST")]


def test_an_image_that_the_engine_lacks_is_pulled(engine: SampleEngine) -> None:
    def pull() -> tuple[int, tuple[bytes, ...]]:
        engine.images[NAME] = {"Id": "sha256:0"}
        return 200, (b'{"status": "Pulling"}\n', b'{"status": "Pulled"}\n')

    engine.different["POST /images/create"] = pull
    assert based_on(engine, NAME) == NAME


def test_a_name_that_is_none_is_the_users_fault(engine: SampleEngine) -> None:
    said = "invalid reference format: repository name (library/Foo) must be lowercase"
    engine.different["GET /images/Foo:Bar"] = lambda: (400, {"message": said})
    with pytest.raises(VersionError, match="the platform mine: 'Foo:Bar' is no name of an image: invalid reference"):
        based_on(engine, "Foo:Bar")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "pull access denied for team/thing, repository does not exist or may require 'docker login'"),
        (404, "manifest for registry.example/team/thing:1 not found: manifest unknown: manifest unknown"),
        (500, "initializing source docker://registry.example/team/thing:1: reading manifest 1: manifest unknown"),
    ],
)
def test_an_image_that_no_registry_has_is_the_users_fault(engine: SampleEngine, status: int, said: str) -> None:
    refuses_to_pull(engine, status, said)
    with pytest.raises(VersionError, match=f"the platform mine: the image {NAME} is not on the engine") as error:
        based_on(engine, NAME)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, 'Get "https://registry.example/v2/": dial tcp 192.0.2.1:443: i/o timeout'),
        (500, 'Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host'),
        (429, "toomanyrequests: You have reached your pull rate limit"),
        (503, "received unexpected HTTP status: 503 Service Unavailable"),
    ],
)
def test_a_registry_that_does_not_answer_is_the_machines_fault(engine: SampleEngine, status: int, said: str) -> None:
    refuses_to_pull(engine, status, said)
    with pytest.raises(IndexUnavailableError, match=f"the platform mine: the image {NAME} .* failed: ") as error:
        based_on(engine, NAME)
    assert said in error.value.message
    assert error.value.exit_code == 3


@pytest.mark.parametrize(
    ("said", "kind"),
    [("manifest unknown", VersionError), ("net/http: TLS handshake timeout", IndexUnavailableError)],
)
def test_what_the_engine_says_after_it_began_to_answer_counts_as_well(
    engine: SampleEngine, said: str, kind: type[Exception]
) -> None:
    pieces = tuple(json.dumps(each).encode() + b"\n" for each in ({"status": "Pulling"}, {"error": said}))
    engine.different["POST /images/create"] = lambda: (200, pieces)
    with pytest.raises(kind, match=said):
        based_on(engine, NAME)


def test_a_disk_that_is_full_is_told_as_such(engine: SampleEngine) -> None:
    refuses_to_pull(engine, 500, "failed to register layer: write /usr/bin/x: no space left on device")
    with pytest.raises(DiskFullError):
        based_on(engine, NAME)


def test_an_engine_that_fails_while_it_looks_is_the_machines_fault(engine: SampleEngine) -> None:
    engine.different["GET /images"] = lambda: (500, {"message": "layer does not exist"})
    with pytest.raises(InfrastructureError, match="the engine refused: layer does not exist") as error:
        based_on(engine, NAME)
    assert not isinstance(error.value, IndexUnavailableError)

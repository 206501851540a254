"""A trial's place on the engine without a trial: for tests of what the lab does beside a product."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache

from lab.environment.base import DatabaseAccount, Service
from lab.environment.containers.engine import Ownership
from lab.environment.containers.recipe import Recipe
from lab.environment.containers.services import ServicesRecipe
from lab.environment.docker import DockerEnvironment
from lab.preparation import SERVICE_PLATFORM, Stock, cache_volume, prepare_images
from tests.integration.program import client

PASSWORD = "a-password-of-the-tests"


@cache
def stock() -> Stock:
    with closing(client()) as api:
        return prepare_images(api, [SERVICE_PLATFORM], [], lambda _line: None, postgresql=True)


@contextmanager
def place(*, database: bool = False, sealed: bool = False) -> Iterator[DockerEnvironment]:
    """Provision a place, and take it down whatever happens."""
    images = stock()
    with closing(client()) as api:
        volume = cache_volume(api, "test", SERVICE_PLATFORM)
    recipe = Recipe(
        owned=Ownership(secrets.token_hex(16), "test"),
        platform=SERVICE_PLATFORM,
        platform_image=images.platform[SERVICE_PLATFORM],
        services=ServicesRecipe(
            llm_image=images.llm_mock,
            database_image=images.postgresql if database else "",
            account=DatabaseAccount(password=PASSWORD),
        ),
        cache_volume=volume,
        sealed=sealed,
    )
    made = DockerEnvironment(recipe, lambda *_words, **_fields: None)
    try:
        made.provision()
        made.services.ready()
        yield made
    finally:
        left = made.destroy()
    assert left == []


def program(script: str) -> Service:
    """A product of one Python script."""
    return Service(argv=("python3", "-c", script), environment={}, directory="/", port=8881)

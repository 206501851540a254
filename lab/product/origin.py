"""Where a version may come from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.strict import Strict, Text


class PackageSource(Strict):
    """A package from the index: `name==version`."""

    source: Literal["package"]
    requirement: Text


class WheelSource(Strict):
    """A wheel: a file, or layers of source folders from which the lab builds one."""

    source: Literal["wheel"]
    path: Text | None = None
    build: list[Text] = []

    @model_validator(mode="after")
    def _one_of(self) -> "WheelSource":
        if (self.path is None) == (not self.build):
            raise ValueError("a wheel has either 'path' or 'build'")
        return self


class TreeSource(Strict):
    """A source tree; with a lock file it is installed from that, without one as `pip install TREE` does."""

    source: Literal["tree"]
    path: Text


class GitSource(Strict):
    """A tree out of a git repository."""

    source: Literal["git"]
    repository: Text
    ref: Text


class ImageSource(Strict):
    """The product's own image: a name to pull, or layers of source folders with a Dockerfile."""

    source: Literal["image"]
    name: Text | None = None
    build: list[Text] = []
    data: Text = "/data"
    """The folder whose content survives a change of the image."""
    user: Text | None = None

    @model_validator(mode="after")
    def _one_of(self) -> "ImageSource":
        if (self.name is None) == (not self.build):
            raise ValueError("an image has either 'name' or 'build'")
        return self


Source = Annotated[PackageSource | WheelSource | TreeSource | GitSource | ImageSource, Field(discriminator="source")]

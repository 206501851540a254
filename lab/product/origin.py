"""Where a version may come from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.strict import Strict, Text


class PackageSource(Strict):
    """A package from the index: `name==version`."""

    source: Literal["package"]
    requirement: Text
    """As an installer takes it: name, extras, version."""


class WheelSource(Strict):
    """A wheel: a file, or layers of source folders from which the lab builds one."""

    source: Literal["wheel"]
    path: Text | None = None
    """The file."""
    build: list[Text] = []
    """Folders laid over each other, later ones winning; a file `*.patch` is applied to what lies there."""

    @model_validator(mode="after")
    def _one_of(self) -> "WheelSource":
        if (self.path is None) == (not self.build):
            raise ValueError("a wheel has either 'path' or 'build'")
        return self


class TreeSource(Strict):
    """A source tree; with a lock file it is installed from that, without one as `pip install TREE` does."""

    source: Literal["tree"]
    path: Text | None = None
    """The folder."""
    build: list[Text] = []
    """As for a wheel, but nothing is built: the sources are laid together, and an installer builds them."""

    @model_validator(mode="after")
    def _one_of(self) -> "TreeSource":
        if (self.path is None) == (not self.build):
            raise ValueError("a tree has either 'path' or 'build'")
        return self


class GitSource(Strict):
    """A tree out of a git repository."""

    source: Literal["git"]
    repository: Text
    """Folder of a clone on this machine; nothing is fetched."""
    ref: Text
    """A tag, a branch or a commit."""


class ImageSource(Strict):
    """The product's own image: a name to pull, or layers of source folders with a Dockerfile."""

    source: Literal["image"]
    name: Text | None = None
    """Name of the image; one that the engine has already is not pulled."""
    build: list[Text] = []
    """As for a wheel, with a Dockerfile and a Python package in it."""
    data: Text = "/data"
    """The folder whose content survives a change of the image."""

    @model_validator(mode="after")
    def _one_of(self) -> "ImageSource":
        if (self.name is None) == (not self.build):
            raise ValueError("an image has either 'name' or 'build'")
        return self


Source = Annotated[PackageSource | WheelSource | TreeSource | GitSource | ImageSource, Field(discriminator="source")]

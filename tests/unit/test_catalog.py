from pathlib import Path

import pytest

from lab.errors import ScenarioError, UsageError, VersionError
from lab.product.catalog import Catalogued, choose, load_product, product_names
from lab.product.origin import GitSource, ImageSource, PackageSource, TreeSource, WheelSource

TEXT = """\
schema: 1
name: sample
title: A sample
release: {from: "0.1.4", to: "0.2.0"}
versions:
  "0.1.4":
    sources:
      - {source: git, repository: ../repo, ref: v0.1.4}
      - {source: tree, path: ../tree}
  "0.2.0":
    sources:
      - {source: image, build: [../common, ../new]}
      - {source: wheel, build: [../common, ../new]}
      - {source: package, requirement: sample==0.2.0}
  "0.3.0": {}
"""


@pytest.fixture
def sample(tmp_path: Path) -> Catalogued:
    path = tmp_path / "products" / "sample.yaml"
    path.parent.mkdir()
    path.write_text(TEXT)
    return load_product(str(path))


def test_a_label_alone_gives_the_first_source_that_fits(sample: Catalogued, tmp_path: Path) -> None:
    layers = [str(tmp_path / "common"), str(tmp_path / "new")]
    wheel, image = choose(sample, "0.2.0", as_image=False), choose(sample, "0.2.0", as_image=True)
    assert (wheel.label, wheel.source) == ("0.2.0", WheelSource(source="wheel", build=layers))
    assert image.source == ImageSource(source="image", build=layers)


def test_paths_of_a_definition_start_from_its_folder(sample: Catalogued, tmp_path: Path) -> None:
    source = choose(sample, "0.1.4", as_image=False).source
    assert source == GitSource(source="git", repository=str(tmp_path / "repo"), ref="v0.1.4")


@pytest.mark.parametrize("as_image", [False, True])
def test_a_label_without_a_fitting_source_is_refused_with_the_way_to_give_one(
    sample: Catalogued, *, as_image: bool
) -> None:
    with pytest.raises(VersionError, match=r"sample 0.3.0 has no (image|package, wheel, tree or git source)") as caught:
        choose(sample, "0.3.0", as_image=as_image)
    assert "0.3.0=" in str(caught.value)


def test_a_version_without_a_source_is_named_where_it_stands(sample: Catalogued) -> None:
    with pytest.raises(VersionError) as caught:
        choose(sample, "0.3.0", as_image=True)
    assert str(caught.value).startswith(f"{sample.path}:15:3: sample 0.3.0 has no image")


@pytest.mark.parametrize("path", ["/etc/passwd", "{tmp}/a", "{config}/../a", "config/a"])
@pytest.mark.parametrize(
    "layer", ["", "image:\n  ", 'versions:\n  "1":\n    ', 'versions:\n  "1":\n    image:\n      ']
)
def test_a_configuration_file_that_no_volume_holds_is_refused_at_its_path(
    layer: str, path: str, tmp_path: Path
) -> None:
    lines = ["schema: 1", "name: a", "title: A", 'release: {from: "1", to: "1"}']
    lines += [f"{layer}configuration: {{files: [{{path: '{path}', content: ''}}]}}"]
    lines += [] if "versions" in layer else ['versions: {"1": {}}']
    file = tmp_path / "a.yaml"
    file.write_text("\n".join(lines), "utf8")
    with pytest.raises(ScenarioError) as caught:
        load_product(str(file))
    (found,) = caught.value.problems
    assert found.line == 5 + layer.count("\n")
    assert "unknown placeholder" in found.message or "outside the product's places" in found.message


def test_an_unknown_label_is_refused_with_what_was_meant(sample: Catalogued) -> None:
    with pytest.raises(VersionError, match=r"sample has no version '0.2.1'; did you mean '0.2.0'") as caught:
        choose(sample, "0.2.1", as_image=False)
    assert "versions of sample.yaml: 0.1.4, 0.2.0, 0.3.0" in str(caught.value)


def test_a_source_of_ones_own_needs_a_known_label_too(sample: Catalogued, tmp_path: Path) -> None:
    with pytest.raises(VersionError, match="has no version"):
        choose(sample, f"9.9.9={tmp_path}", as_image=False)


def test_each_kind_of_source_is_understood(sample: Catalogued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "repo.git").mkdir()
    monkeypatch.chdir(tmp_path)
    expected = {
        "tree": TreeSource(source="tree", path=str(tmp_path / "tree")),
        str(tmp_path / "tree"): TreeSource(source="tree", path=str(tmp_path / "tree")),
        "repo.git@v1": GitSource(source="git", repository=str(tmp_path / "repo.git"), ref="v1"),
        "repo.git@feature/x": GitSource(source="git", repository=str(tmp_path / "repo.git"), ref="feature/x"),
        "dist/a.whl": WheelSource(source="wheel", path=str(tmp_path / "dist/a.whl")),
        "package:sample": PackageSource(source="package", requirement="sample"),
        "sample==0.2.0": PackageSource(source="package", requirement="sample==0.2.0"),
        "sample[llm]>=0.2": PackageSource(source="package", requirement="sample[llm]>=0.2"),
    }
    assert {text: choose(sample, f"0.2.0={text}", as_image=False).source for text in expected} == expected


def test_an_image_is_given_by_its_name(sample: Catalogued) -> None:
    source = choose(sample, "0.3.0=image:registry.example/app:1", as_image=True).source
    assert source == ImageSource(source="image", name="registry.example/app:1")


def test_an_image_scenario_takes_only_images_and_another_none(sample: Catalogued, tmp_path: Path) -> None:
    with pytest.raises(VersionError, match=r"needs an image \(LABEL=image:NAME\); '.*' is a tree"):
        choose(sample, f"0.2.0={tmp_path}", as_image=True)
    with pytest.raises(VersionError, match=r"not an image; '0.2.0=image:x' is a image"):
        choose(sample, "0.2.0=image:x", as_image=False)


@pytest.mark.parametrize("text", ["", "image:", "package:", "no/such/folder", "./gone", "gone@v1", "@v1", "single"])
@pytest.mark.parametrize("as_image", [False, True])
def test_what_is_no_source_is_refused(sample: Catalogued, text: str, *, as_image: bool) -> None:
    with pytest.raises(VersionError, match="is not a source: no such folder, wheel or repository"):
        choose(sample, f"0.2.0={text}", as_image=as_image)


def test_a_folder_with_an_at_sign_is_a_folder(sample: Catalogued, tmp_path: Path) -> None:
    (tmp_path / "tree@2").mkdir()
    assert choose(sample, f"0.2.0={tmp_path}/tree@2", as_image=False).source.source == "tree"


def test_an_unknown_product_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match="there is no product 'referenc'; did you mean 'reference'") as caught:
        load_product("referenc")
    assert "reference" in product_names()
    assert "products: " in str(caught.value)

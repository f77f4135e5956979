import numpy as np
import pytest
from PIL import Image

from hat.benchmarks import pictures
from hat.benchmarks.images import (
    cifar_sample_batch,
    image_batch,
    kinds_for,
    picture_crops,
    varied_images,
)
from hat.errors import DataError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of pictures that must not be imported; returns the folder of its pictures."""
    folder = tmp_path / "fakebox" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "fakebox" / "__init__.py").write_text("raise SystemError('was imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(pictures, "_SAMPLES", "fakebox")
    return folder


def save(path, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


def test_pictures_are_read_in_order_and_their_package_is_not_imported(package):
    for index in (2, 0, 1):
        save(package / f"cifar10_{index:02}_7.png", np.full((32, 32, 3), 50 * index))
    save(package / "cifar100_00_9.png", np.full((32, 32, 3), 200))
    save(package / "mnist_00_9.png", np.zeros((28, 28)))
    found = pictures.cifar_samples()
    assert [picture[0, 0, 0] for picture in found] == [0, 50, 100, 200]
    assert found[0].shape == (32, 32, 3)
    assert not pictures.has_samples()  # these are the large ones


def test_grey_pictures_have_three_colours(package):
    save(package / "imagenet_00_1.png", np.full((64, 64), 9))
    (picture,) = pictures.imagenet_samples()
    assert picture.shape == (64, 64, 3)


def test_every_picture_comes_before_one_comes_again(package, rng):
    for index in range(5):
        save(package / f"imagenet_{index:02}_1.png", np.full((80, 64, 3), 10 * index))
    values = picture_crops(10, rng)[:, 0, 0, 0]
    assert len(np.unique(values[:5].round(9))) == len(np.unique(values[5:].round(9))) == 5


def test_a_crop_shows_at_least_half_of_its_picture(package, rng):
    ramp = np.broadcast_to(np.arange(192)[:, None, None], (192, 192, 3))
    save(package / "imagenet_00_1.png", ramp)
    images = picture_crops(60, rng)
    span = images[:, 0, -1, 0] - images[:, 0, 0, 0]
    # 32 means of 3 to 6 rows: from the first to the last they span 31 times as many rows.
    shares = np.unique((span / span.max()).round(6))
    np.testing.assert_allclose(shares, [3 / 6, 4 / 6, 5 / 6, 1.0], rtol=1e-5)


def test_without_the_package_there_is_pink_noise(monkeypatch, rng):
    monkeypatch.setattr(pictures, "_SAMPLES", "no_such_package")
    assert varied_images() == "pink"
    for kind in ("pictures", "cifar-samples"):
        with pytest.raises(DataError, match="no_such_package ships, but it is not installed: pip"):
            image_batch(kind, 4, rng)


def test_kinds_are_those_that_can_be_drawn(package):
    plain = ("photographs", "scaled-photographs", "pink", "noise")
    assert kinds_for(2) == plain
    for name in ("imagenet_00_1", "cifar10_00_1", "cifar100_00_1"):
        save(package / f"{name}.png", np.zeros((32, 32, 3)))
    assert set(kinds_for(2)) == {*plain, "pictures", "cifar-samples"}
    assert set(kinds_for(3, cifar10="data_batch_1.bin")) == {*plain, "pictures", "cifar10"}


def test_with_the_package_there_are_its_pictures(package):
    save(package / "imagenet_00_1.png", np.zeros((64, 64, 3)))
    assert varied_images() == "pictures"


def test_broken_or_too_few_pictures_are_one_clear_sentence(package, rng):
    save(package / "cifar10_00_7.png", np.zeros((32, 32, 3)))
    save(package / "cifar100_00_7.png", np.ones((32, 32, 3)))
    assert cifar_sample_batch(2, rng).shape == (2, 3, 32, 32)
    with pytest.raises(DataError, match="3 images were asked for, but foolbox ships 2 of CIFAR"):
        cifar_sample_batch(3, rng)
    (package / "imagenet_00_1.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"imagenet_00_1\.jpg: cannot be read as a picture"):
        picture_crops(2, rng)

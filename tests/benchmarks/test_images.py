import pickle
import struct

import numpy as np
import pytest

from hat.benchmarks import images
from hat.benchmarks.images import IMAGE_KINDS, image_batch, photograph_crops, read_cifar10
from hat.errors import ConfigError, DataError
from hat.studies.epsinas.common import ImageSettings


@pytest.fixture
def cifar10_file(tmp_path, rng):
    """Twenty images in CIFAR-10's binary format, the first pixel saying which one it is."""
    records = rng.integers(256, size=(20, 3073), dtype=np.uint8)
    records[:, 0] %= 10
    records[:, 1] = np.arange(20)
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(records.tobytes())
    return path


def agreement_of_neighbours(batch):
    return np.corrcoef(batch[..., 1:].ravel(), batch[..., :-1].ravel())[0, 1]


@pytest.fixture
def sample_pictures(monkeypatch, rng):
    """Random pictures in place of those that foolbox ships."""
    large = list(rng.uniform(0, 255, (3, 96, 70, 3)))
    small = list(rng.uniform(0, 255, (9, 32, 32, 3)))
    monkeypatch.setattr(images, "imagenet_samples", lambda: large)
    monkeypatch.setattr(images, "cifar_samples", lambda: small)


@pytest.mark.usefixtures("sample_pictures")
@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_every_kind_is_seeded_and_standardised(kind, cifar10_file):
    def draw(seed):
        return image_batch(kind, 8, np.random.default_rng(seed), cifar10=cifar10_file)

    first, same, other = draw(0), draw(0), draw(1)
    assert first.shape == (8, 3, 32, 32)
    assert (first == same).all()
    assert (first != other).any()
    if kind != "noise":
        np.testing.assert_allclose(first.mean(axis=(0, 2, 3)), 0.0, atol=1e-12)
        np.testing.assert_allclose(first.std(axis=(0, 2, 3)), 1.0)


def test_photographs_and_pink_noise_are_smooth_and_white_noise_is_not(rng):
    assert agreement_of_neighbours(photograph_crops(32, rng)) > 0.8
    assert agreement_of_neighbours(image_batch("pink", 32, rng)) > 0.6
    assert abs(agreement_of_neighbours(image_batch("noise", 32, rng))) < 0.05


def test_cifar10_is_read_colour_by_colour(tmp_path, rng):
    record = np.zeros((2, 3073), np.uint8)
    record[1, 1 + 1024 + 32 + 5] = 200  # green, second row, sixth column
    path = tmp_path / "batch.bin"
    path.write_bytes(record.tobytes())
    batch = read_cifar10(path, 2, rng)
    assert np.unravel_index(np.argmax(batch), batch.shape)[1:] == (1, 1, 5)


def python_2_batch(pixels):
    """``data_batch_1`` as Python 2 wrote it: texts of bytes, numpy.core, protocol 2."""
    minus_one = b"J\xff\xff\xff\xff"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + 2 * minus_one + b"K\x00tb"
    rows, raw = struct.pack("<H", len(pixels)), pixels.tobytes()
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelU\x15training batch 1 of 5U\x06labels]q\x02(K\x06K\x09e"
        b"U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01M"
        + rows
        + b"M\x00\x0c\x86"
        + dtype
        + b"\x89T"
        + struct.pack("<I", len(raw))
        + raw
        + b"tbU\tfilenames]u."
    )


def test_both_versions_of_cifar10_give_the_same_images(tmp_path, cifar10_file):
    pixels = np.frombuffer(cifar10_file.read_bytes(), np.uint8).reshape(20, 3073)[:, 1:]
    expected = read_cifar10(cifar10_file, 7, np.random.default_rng(3))
    contents = [python_2_batch(pixels), pickle.dumps({b"data": pixels, b"labels": [1] * 20}, 4)]
    for content in contents:
        (tmp_path / "data_batch_1").write_bytes(content)
        found = read_cifar10(tmp_path / "data_batch_1", 7, np.random.default_rng(3))
        np.testing.assert_array_equal(found, expected)
    for wrong in ([1], {"data": [1]}, {"data": pixels.astype(float)}, {"data": pixels[:, 1:]}):
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps(wrong, 4))
        with pytest.raises(DataError, match=r"data_batch_1: is no batch of CIFAR-10: .* 'data'"):
            read_cifar10(tmp_path / "data_batch_1", 1, np.random.default_rng(3))


def test_a_file_that_would_not_be_read_is_refused(cifar10_file):
    with pytest.raises(ConfigError, match="cifar10 is read for images cifar10 alone, not for pic"):
        ImageSettings(images="pictures", cifar10=cifar10_file)


def test_broken_files_are_one_clear_sentence(tmp_path, cifar10_file, rng):
    with pytest.raises(DataError, match=r"none\.bin: cannot be read: No such file"):
        read_cifar10(tmp_path / "none.bin", 1, rng)
    with pytest.raises(DataError, match="21 images were asked for, but it holds 20"):
        read_cifar10(cifar10_file, 21, rng)
    short = tmp_path / "short.bin"
    short.write_bytes(b"\0" * 3000)
    with pytest.raises(DataError, match="hold records of 3073 bytes, but this one has 3000 bytes"):
        read_cifar10(short, 1, rng)
    short.write_bytes(b"\xff" * 3073)
    with pytest.raises(DataError, match="found label 255, but CIFAR-10 has 0 to 9"):
        read_cifar10(short, 1, rng)
    with pytest.raises(DataError, match="unknown kind of images 'mnist'; known are photographs"):
        image_batch("mnist", 1, rng)
    with pytest.raises(DataError, match="need the path of one of its files"):
        image_batch("cifar10", 1, rng)

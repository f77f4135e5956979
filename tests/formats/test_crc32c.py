import numpy as np
import pytest

from hat.formats.crc32c import crc32c, crc32c_batch, masked


@pytest.mark.parametrize(
    ("message", "expected"),  # RFC 3720, appendix B.4
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(message, expected):
    assert crc32c(message) == expected
    assert crc32c_batch([message]).tolist() == [expected]


def test_mask_of_tensorflow():
    assert masked(0) == 0xA282EAD8
    assert masked(0xFFFFFFFF) == 0xA282EAD7


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_batch_equals_one_by_one(count, rng):
    messages = [rng.bytes(int(length)) for length in rng.integers(0, 70, size=count)]
    assert crc32c_batch(messages).tolist() == [crc32c(message) for message in messages]


def test_one_long_message_among_short_ones(rng):
    messages = [rng.bytes(3) for _ in range(100)] + [rng.bytes(100_000), b""]
    found = crc32c_batch(messages)
    assert found.dtype == np.uint32
    assert found.tolist() == [crc32c(message) for message in messages]

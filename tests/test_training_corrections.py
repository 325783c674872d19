import logging

import cv2
import numpy as np
import pytest
import small_mnist

from appliance.network import NOT_A_DIGIT
from training.corrections import read_corrections
from training.errors import DataError
from training.mnist import Digits


@pytest.fixture
def folder(tmp_path):
    digits = small_mnist.printed(4, 0)
    labels = np.array([7, 0, NOT_A_DIGIT, 9])
    return small_mnist.put_right(tmp_path / "corrections", Digits(digits.images, labels))


def test_crops_come_with_their_right_values_in_the_order_of_their_names(folder):
    digits = read_corrections(folder)
    assert digits.labels.tolist() == [7, 0, NOT_A_DIGIT, 9]
    assert (digits.images == small_mnist.printed(4, 0).images).all()


def test_what_is_damaged_is_named_and_left_out_and_the_rest_is_there(folder, caplog):
    places = sorted(folder.iterdir())
    (places[0] / "crop.png").write_bytes(b"rot")
    (places[1] / "correction.json").write_text('{"value": 12}')
    cv2.imwrite(str(places[2] / "crop.png"), np.zeros((30, 28), np.uint8))
    (folder / ".pulling").mkdir()
    (folder / ".pulling" / "correction.json").write_text('{"value": 1}')
    with caplog.at_level(logging.WARNING):
        assert read_corrections(folder).labels.tolist() == [9]
    assert [place.name in message for place, message in zip(places, caplog.messages, strict=False)] == [
        True
    ] * 3


def test_a_folder_without_any_says_how_to_fill_it(tmp_path):
    with pytest.raises(DataError, match=r"holds no corrections; digit-train pull HOST"):
        read_corrections(tmp_path)

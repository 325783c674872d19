import pytest

from appliance.errors import FrameError
from appliance.labels import read_labels


def test_numbers_and_nothing_by_file_name(tmp_path):
    (tmp_path / "labels.csv").write_text("file,text,kind\na.jpg,042,pen\nb.jpg,,empty\n")
    assert read_labels(tmp_path) == {"a.jpg": "042", "b.jpg": ""}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "first line must be file,text,kind"),
        (b"name,text\na.jpg,1\n", "first line must be file,text,kind"),
        (b"file,text,kind\na.jpg,1,pen\nb.jpg,seven,pen\n", "line 3: text is 'seven'"),
        (b"file,text,kind\na.jpg\n", "line 2: text is None"),
        ("file,text,kind\na.jpg,\N{ARABIC-INDIC DIGIT SEVEN},pen\n".encode(), "line 2: text is"),
        (b"file,text,kind\na.jpg,\xff,pen\n", "not a table"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, content, told):
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(FrameError) as refusal:
        read_labels(tmp_path)
    assert str(tmp_path / "labels.csv") in str(refusal.value)
    assert told in str(refusal.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(FrameError, match=r"labels\.csv: cannot be read \(No such file"):
        read_labels(tmp_path)

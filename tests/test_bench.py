import pytest
from drawn import save_frames, save_weights

from appliance import shipped
from appliance.bench import Pace, measure, verdict
from appliance.config import CameraSettings
from appliance.reader import Reader


@pytest.fixture(autouse=True)
def frames(tmp_path, monkeypatch):
    folder = save_frames(tmp_path / "frames", "4", "42", "", "7")
    rows = "01-4.png,4,a\n02-42.png,42,a\n03-nothing.png,,a\n04-7.png,7,a\n"
    (folder / "labels.csv").write_text("file,text,kind\n" + rows)
    monkeypatch.setattr(shipped, "frames", lambda: folder)


def test_every_kind_of_frame_is_read_at_the_cameras_size(tmp_path):
    sizes = []

    class Watched(Reader):
        def read(self, frame):
            sizes.append(frame.gray.shape)
            return super().read(frame)

    paces = list(measure(Watched(save_weights(tmp_path / "w.pt")), CameraSettings(width=320, height=240)))
    assert [(pace.kind, pace.frames) for pace in paces] == [
        ("one digit", 2),
        ("several digits", 1),
        ("nothing to read", 1),
    ]
    assert set(sizes) == {(240, 320)}
    assert all(0 < pace.median <= pace.p99 for pace in paces)


@pytest.mark.parametrize(
    ("slowest", "told"), [(33.0, "the camera is the slower part"), (50.0, "about 20 frames/s are read")]
)
def test_the_slowest_kind_decides_what_to_expect(slowest, told):
    paces = [Pace("one digit", 1, 5.0, 6.0), Pace("nothing to read", 1, slowest, 60.0)]
    assert told in verdict(paces, CameraSettings())
    assert "640x480 at 30 frames/s" in verdict(paces, CameraSettings())

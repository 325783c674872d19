"""MNIST from folders, caches and mirrors, whole or not."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import small_mnist

from training import mnist
from training.errors import DataError

IMAGES = "train-images-idx3-ubyte"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in small_mnist.replacements():
        monkeypatch.setattr(owner, name, value)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "digit-appliance" / "mnist"


@contextmanager
def mirror(answers: dict[str, bytes], claimed: int | None = None) -> Iterator[tuple[str, list[str]]]:
    """A web server with these files; gives its address and, as they come, the paths it was asked for.

    It says that each file is `claimed` bytes long, and hangs up after what there is.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = answers.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(claimed or len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


def packed() -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in small_mnist.files().items()}


@pytest.mark.parametrize("as_gzip", [False, True])
def test_a_folder_holds_plain_or_packed_files(tmp_path: Path, as_gzip: bool) -> None:
    digits = mnist.test(small_mnist.write(tmp_path, as_gzip))
    original = small_mnist.printed(small_mnist.TEST, 2)
    assert (digits.images == original.images).all() and (digits.labels == original.labels).all()
    assert digits.images.dtype == np.uint8 and digits.labels.dtype == np.int64


def test_held_out_images_are_not_trained_on_and_none_is_lost(tmp_path: Path) -> None:
    folder = small_mnist.write(tmp_path)
    training, held_out = mnist.training(folder), mnist.validation(folder)
    assert len(held_out) == small_mnist.HELD_OUT
    both = training + held_out
    original = small_mnist.printed(small_mnist.TRAINING, 1)
    as_bytes = [
        sorted(image.tobytes() + bytes([label]) for image, label in zip(d.images, d.labels, strict=True))
        for d in (both, original)
    ]
    assert as_bytes[0] == as_bytes[1]


def test_the_split_is_always_the_same(tmp_path: Path) -> None:
    folder = small_mnist.write(tmp_path)
    np.random.seed(1)
    first = mnist.validation(folder)
    np.random.seed(2)
    assert (mnist.validation(folder).images == first.images).all()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (small_mnist.write(tmp_path) / IMAGES).unlink()
    with pytest.raises(DataError, match=f"{tmp_path}: holds neither {IMAGES} nor {IMAGES}.gz"):
        mnist.training(tmp_path)
    mnist.test(tmp_path)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = small_mnist.write(tmp_path) / IMAGES
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}: is not MNIST's"):
        mnist.training(tmp_path)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = small_mnist.write(tmp_path, packed=True) / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=f"{path}: is damaged"):
        mnist.training(tmp_path)


def test_a_gzip_that_unpacks_to_much_more_than_mnist_is_refused(tmp_path: Path) -> None:
    path = small_mnist.write(tmp_path, packed=True) / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress(bytes(100 << 20), compresslevel=1))
    with pytest.raises(DataError, match="is not MNIST's"):
        mnist.training(tmp_path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / IMAGES).mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        mnist.training(tmp_path)


def test_the_second_mirror_serves_where_the_first_does_not(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    with mirror({}) as (empty, asked), mirror(packed()) as (full, _):
        monkeypatch.setattr(mnist, "MIRRORS", (empty, full))
        assert len(mnist.training()) == small_mnist.TRAINING - small_mnist.HELD_OUT
    assert len(asked) == 2  # images and labels were asked for, and nothing else


def test_what_was_downloaded_is_not_downloaded_again(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    with mirror(packed()) as (address, asked):
        monkeypatch.setattr(mnist, "MIRRORS", (address,))
        first = mnist.test()
        del asked[:]
        assert (mnist.test().images == first.images).all()
        assert asked == []


def test_a_damaged_cache_is_downloaded_again(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    with mirror(packed()) as (address, _):
        monkeypatch.setattr(mnist, "MIRRORS", (address,))
        mnist.test()
        for path in cache.iterdir():
            path.write_bytes(b"half of it")
        assert len(mnist.test()) == small_mnist.TEST
    assert len(mnist.test()) == small_mnist.TEST  # from the mended cache: the mirror is gone


@pytest.mark.parametrize(
    "content",
    [b"<html>Sign in</html>", gzip.compress(b"another file"), b"\x1f\x8b\x08"],
    ids=["a page", "another file", "cut off"],
)
def test_a_mirror_that_sends_something_else_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, cache: Path, content: bytes
) -> None:
    with mirror(dict.fromkeys(packed(), content)) as (wrong, _), mirror(packed()) as (right, _):
        monkeypatch.setattr(mnist, "MIRRORS", (wrong, right))
        assert len(mnist.test()) == small_mnist.TEST


def test_a_connection_cut_in_the_middle_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    halves = {name: content[: len(content) // 2] for name, content in packed().items()}
    with mirror(halves, claimed=1_000_000) as (address, _):
        monkeypatch.setattr(mnist, "MIRRORS", (address, "http://127.0.0.1:1/"))
        with pytest.raises(DataError) as caught:
            mnist.test()
    message = str(caught.value)
    assert "no mirror gave it" in message and "127.0.0.1:1: " in message and "--data" in message
    assert "\n" not in message
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"a file in the folder's place")
    with mirror(packed()) as (address, _):
        monkeypatch.setattr(mnist, "MIRRORS", (address,))
        with pytest.raises(DataError, match=f"{cache}: cannot be written"):
            mnist.test()

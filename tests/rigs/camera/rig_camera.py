"""Lets picamera2, real and unmodified, work on libcamera's virtual camera, in a machine without dma_heap.

Started by rig_camera.pth with every Python there; acts when picamera2 is imported. The virtual camera differs
from a Pi's in that it gives NV12, of which only the Y plane is used here, answers as fast as it is asked, and
has no raw stream and few controls. Two files command it while it runs:

    /run/rig-camera/gone     nothing comes any more, and no camera is listed: its cable is off
    /run/rig-camera/busy     another program has it
"""

import importlib.util
import mmap
import os
import sys
import threading
import time
from collections import deque
from importlib.abc import MetaPathFinder
from pathlib import Path

FPS = 30
GONE, BUSY = Path("/run/rig-camera/gone"), Path("/run/rig-camera/busy")


class Hook(MetaPathFinder):
    """Adapts picamera2 once it is loaded."""

    def find_spec(self, name, path, target=None):
        if name != "picamera2.picamera2":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            adapt(module)

        spec.loader.exec_module = exec_module
        return spec


def adapt(picamera2):
    import libcamera

    camera = picamera2.Picamera2
    picamera2.DmaAllocator = memory_allocator(picamera2, libcamera)
    camera._get_raw_modes = lambda self: [{"format": "SRGGB10", "size": (640, 480)}]
    unplug(camera)
    tell_the_format_asked_for(camera)
    ignore_unknown_controls(picamera2.Controls)
    Pace(libcamera.Camera)
    refuse_while_busy(libcamera.Camera)


def memory_allocator(picamera2, libcamera):
    """Frames in plain memory: one file descriptor a frame, described as the two planes of NV12."""

    from picamera2.allocators.allocator import Allocator

    class MemoryAllocator(picamera2.DmaAllocator):
        def __init__(self):
            Allocator.__init__(self)  # the class between opens /dev/dma_heap
            self.mapped_buffers, self.mapped_buffers_used, self.frame_buffers = {}, {}, {}
            self.open_fds, self.libcamera_fds = [], []
            self.dmaHeap = None
            self.sync = MappedSync

        def allocate(self, libcamera_config, _):
            self.libcamera_fds = []
            self.cleanup()
            for descriptor in self.open_fds:
                os.close(descriptor)
            self.open_fds, self.frame_buffers = [], {}
            for stream_config in libcamera_config:
                whole = [self._frame(stream_config) for _ in range(stream_config.buffer_count)]
                self.frame_buffers[stream_config.stream] = whole

        def _frame(self, config):
            luma = config.stride * config.size.height
            size = luma * 3 // 2
            descriptor = os.memfd_create("frame")
            os.ftruncate(descriptor, size)
            self.open_fds.append(descriptor)
            planes = []
            for offset, length in ((0, luma), (luma, size - luma)):
                plane = libcamera.FrameBuffer.Plane()
                plane.fd, plane.offset, plane.length = descriptor, offset, length
                planes.append(plane)
            # libcamera 0.4 leaves a new one's status unset, and picamera2 discards frames not marked good.
            unlucky = []
            while (buffer := libcamera.FrameBuffer(planes)).metadata.status != good:
                unlucky.append(buffer)
            known = buffer.planes[0].fd
            self.libcamera_fds.append(known)
            self.mapped_buffers_used[known] = False
            self.mapped_buffers[buffer] = mmap.mmap(known, size)
            return buffer

        def close(self):
            self.libcamera_fds = []
            self.cleanup()
            for descriptor in self.open_fds:
                os.close(descriptor)
            self.open_fds, self.frame_buffers = [], {}

    good = libcamera.FrameMetadata.Status.Success

    class MappedSync:
        """Plain memory needs no synchronising."""

        def __init__(self, allocator, buffer, write):
            self._memory = allocator.mapped_buffers[buffer]

        def __enter__(self):
            return self._memory

        def __exit__(self, *_):
            pass

        def get_buffer(self):
            return self._memory

    return MemoryAllocator


def tell_the_format_asked_for(camera):
    update = camera._update_stream_config

    def update_but_the_format(self, stream_config, given):
        asked = stream_config["format"]
        update(self, stream_config, given)
        stream_config["format"] = asked

    camera._update_stream_config = update_but_the_format


def ignore_unknown_controls(controls):
    set_one = controls.__setattr__

    def set_if_known(self, name, value):
        if name.startswith("_") or name in self._picam2.camera_ctrl_info:
            set_one(self, name, value)

    controls.__setattr__ = set_if_known


def unplug(camera):
    listed = camera.global_camera_info
    camera.global_camera_info = staticmethod(lambda: [] if GONE.exists() else listed())


def refuse_while_busy(camera):
    acquire = camera.acquire

    def acquire_if_free(self):
        if BUSY.exists():
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        return acquire(self)

    camera.acquire = acquire_if_free


class Pace:
    """Hands one request a tick to the camera, as a sensor gives frames; none while it is unplugged."""

    def __init__(self, camera):
        self._queue, self._stop = camera.queue_request, camera.stop
        self._waiting, self._lock = deque(), threading.Lock()
        camera.queue_request = lambda camera, request: self._waiting.append((camera, request))
        camera.stop = lambda camera: self._finish(camera)
        threading.Thread(target=self._tick, daemon=True, name="rig camera").start()

    def _tick(self):
        due = time.monotonic()
        while True:
            due = max(due + 1 / FPS, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))
            with self._lock:
                if self._waiting and not GONE.exists():
                    self._queue(*self._waiting.popleft())

    def _finish(self, camera):
        # What is not queued when it stops keeps it from starting again.
        with self._lock:
            while self._waiting:
                self._queue(*self._waiting.popleft())
            return self._stop(camera)


sys.meta_path.insert(0, Hook())

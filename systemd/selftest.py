"""Proves an environment on the very machine it was made for, before the service is switched over to it.

Runs in a process of its own, as the service's user, since the wrong build of PyTorch does not raise: the
processor meets an instruction that it lacks, and the process is gone. Says each thing before trying it,
so that the last line tells which one it was. Not part of the package: it must run where that is broken.
"""

import importlib.util
import os
import sys
import tempfile

if sys.argv[1:] != ["light"]:
    print("PyTorch", flush=True)
    import torch

    if torch.version.cuda is not None:
        raise SystemExit("this PyTorch is built for CUDA")

    print("one convolution", flush=True)
    with torch.inference_mode():
        torch.nn.Conv2d(1, 16, 3)(torch.rand(2, 1, 28, 28)).sum().item()

print("one JPEG", flush=True)
import cv2  # noqa: E402
import numpy as np  # noqa: E402

_, jpeg = cv2.imencode(".jpg", np.zeros((64, 64), np.uint8))
if cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE).shape != (64, 64):
    raise SystemExit("OpenCV does not read back the JPEG that it wrote")

if importlib.util.find_spec("picamera2"):
    # Compiled against the system's numpy: with another one it fails here.
    print("picamera2", flush=True)
    import picamera2  # noqa: F401

print("one pin factory", flush=True)
from gpiozero import Device  # noqa: E402

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)  # lgpio writes a file where it stands
    Device.ensure_pin_factory()
    Device.pin_factory.close()
    os.chdir("/")

print("whole", flush=True)

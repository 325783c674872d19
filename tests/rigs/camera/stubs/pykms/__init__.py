"""Names that picamera2 asks for when it is imported, and uses only on a screen."""


class _AnyName:
    def __getattr__(self, name):
        return name


PixelFormat = _AnyName()

"""Shows a training as it goes: a bar in the terminal, and one line an epoch."""

from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

from training.checkpoint import Epoch


class Progress:
    """A bar over all steps of a training, with loss, accuracy and time left; a context manager."""

    def __init__(self, console: Console, epochs: int, steps: int, done: int) -> None:
        """`steps` an epoch; `done` epochs were there before, in an interrupted training."""
        self._console, self._epochs, self._number = console, epochs, done
        self._bar = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}"),
            progress.BarColumn(),
            progress.TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.2%}"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("left"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            speed_estimate_period=600,
        )
        self._task = self._bar.add_task(
            "", total=epochs * steps, completed=done * steps, epoch=self._place(), loss=0.0, accuracy=0.0
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, loss: float, accuracy: float) -> None:
        """One step done; loss and accuracy are the epoch's so far."""
        self._bar.update(self._task, advance=1, loss=loss, accuracy=accuracy)

    def epoch(self, epoch: Epoch) -> None:
        """One epoch done."""
        self._console.print(
            f"epoch {self._place()}  loss {epoch.loss:.4f}  accuracy {epoch.accuracy:.2%}  "
            f"validation loss {epoch.validation_loss:.4f}  accuracy {epoch.validation_accuracy:.2%}",
        )
        self._number += 1
        self._bar.update(self._task, epoch=self._place())

    def _place(self) -> str:
        return f"{min(self._number + 1, self._epochs)}/{self._epochs}"

"""What a person sees of a training."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

# How often the running loss is read: each read waits for the device.
SECONDS_BETWEEN_READS = 0.5
SHOWN_LEFT_OUT = 5  # examples that are left out are named


class Progress:
    """A bar while an epoch runs, one line when it has ended.

    Args:
        quiet: Show nothing.
    """

    def __init__(self, quiet=False):
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self._bar = None
        self._began = time.monotonic()
        self._done = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def say(self, text):
        """Prints a line."""
        self._console.print(text, markup=False)

    def left_out(self, examples, kind):
        """Names the first examples that are left out, and counts the others.

        Args:
            examples: List of `(name, reason)`.
            kind: What they are, in the plural.
        """
        for name, reason in examples[:SHOWN_LEFT_OUT]:
            self.say(f"left out: {name}: {reason}")
        more = len(examples) - SHOWN_LEFT_OUT
        if more > 0:
            self.say(f"left out: {more:,} more {kind}")

    def resumed(self, epoch, epochs):
        """Says where a resumed run goes on."""
        if epoch < epochs:
            self.say(f"resuming after epoch {epoch} of {epochs}")
        else:
            self.say(f"all {epochs} epochs are trained already")

    def stopped_early(self, history, patience):
        """Says that a run ends before its last epoch."""
        self.say(
            f"stopped after epoch {len(history)}: "
            f"{patience} epochs without a better validation score"
        )

    def epoch_began(self, epoch, epochs, steps):
        """Opens the bar of an epoch (counted from 0)."""
        self._epoch, self._epochs = epoch, epochs
        self._read_at = time.monotonic()
        if not self._console.is_terminal or self._console.quiet:
            return
        self._bar = Bar(
            TextColumn("epoch {task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(f"{epoch + 1}/{epochs}", total=steps, loss="")
        self._bar.start()

    def step(self, loss):
        """Moves the bar; `loss` is a Keras metric."""
        if self._bar is None:
            return
        self._bar.advance(self._task)
        now = time.monotonic()
        if now - self._read_at >= SECONDS_BETWEEN_READS:
            self._read_at = now
            self._bar.update(self._task, loss=f"loss {float(loss.result()):.4f}")

    def epoch_ended(self, figures, improved):
        """Closes the bar and prints the epoch's figures and the time left."""
        self.close()
        self._done += 1
        left = self._epochs - self._epoch - 1
        pace = (time.monotonic() - self._began) / self._done
        shown = "  ".join(
            f"{name} {_figure(value)}"
            for name, value in figures.items()
            if name not in ("epoch", "seconds", "learning_rate")
        )
        width = len(str(self._epochs))
        self.say(
            f"epoch {self._epoch + 1:>{width}}/{self._epochs}  {shown}  "
            f"lr {figures['learning_rate']:.2g}  {figures['seconds']:.1f} s"
            + (f"  {_duration(pace * left)} left" if left else "")
            + ("  *" if improved else "")
        )

    def close(self):
        """Takes the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _figure(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"


def _duration(seconds):
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"

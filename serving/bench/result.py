"""What a sweep found, as a table, files and a picture."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...files import atomic_file
from ..client.errors import readable

_LONGEST_MESSAGE = 200  # characters


def _line(*cells):
    return "  ".join(map(str.rjust, cells, (7, 5, 10, 9, 8, 8, 8, 0)))


HEADING = _line(
    "clients", "rows", "requests/s", "rows/s", "p50 ms", "p90 ms", "p99 ms", "errors"
)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One setting of a sweep.

    Attributes:
        concurrency: The number of clients.
        batch: The examples in each request.
        requests: The number of answered requests.
        seconds: How long it took.
        p50_ms: The median latency of answered requests, in milliseconds;
            `None` where none was answered.
        p90_ms: The latency that 90 % of them stay within.
        p99_ms: The latency that 99 % of them stay within.
        errors: The number of failed requests by status code.
        messages: What the first of them said, by status code.
    """

    concurrency: int
    batch: int
    requests: int
    seconds: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    errors: dict[str, int]
    messages: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, concurrency, batch, latencies, errors, messages, seconds):
        """Makes it of the latencies, in seconds, of the answered requests."""
        percentiles = (None, None, None)
        if latencies:
            percentiles = (np.percentile(latencies, (50, 90, 99)) * 1e3).tolist()
        answered = len(latencies)
        return cls(
            concurrency, batch, answered, seconds, *percentiles, errors, messages
        )

    @property
    def requests_per_second(self):
        """Answered requests per second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def rows_per_second(self):
        """Examples of answered requests per second."""
        return self.batch * self.requests_per_second

    def line(self):
        """Its line of the table, a `str`."""
        times = [
            "-" if value is None else f"{value:.2f}"
            for value in (self.p50_ms, self.p90_ms, self.p99_ms)
        ]
        errors = ", ".join(f"{count} {code}" for code, count in self.errors.items())
        return _line(
            str(self.concurrency),
            str(self.batch),
            f"{self.requests_per_second:.1f}",
            f"{self.rows_per_second:.1f}",
            *times,
            errors or "-",
        )


@dataclasses.dataclass(frozen=True)
class BenchResult:
    """What a sweep found.

    Attributes:
        url: The server.
        model: The model's name.
        signature: The signature's name.
        measured: When and on what, in words.
        measurements: A tuple of `Measurement`, in the order they were made.
        stopped: What ended the sweep early, in words, or `None`.
        interrupted: Whether that was Ctrl-C.
        server_cores: The server's CPU cores; `None` where it is another machine.
        splits: Whether the model's answers to parts of a request can be put together.
    """

    url: str
    model: str
    signature: str
    measured: str
    measurements: tuple[Measurement, ...]
    stopped: str | None = None
    interrupted: bool = False
    server_cores: int | None = None
    splits: bool = True

    def lines(self):
        """The table to print, a list of `str`."""
        rows = [item.line() for item in self.measurements]
        return [HEADING, *rows, *self.notes()]

    def notes(self):
        """What belongs under the table, a list of `str`."""
        messages = {}
        for item in self.measurements:
            messages = item.messages | messages
        lines = [
            f"{code}: {readable(message, _LONGEST_MESSAGE)}"
            for code, message in messages.items()
        ]
        if self.stopped:
            lines.append(f"ended early: {self.stopped}")
        return lines

    def suggestion(self):
        """Chooses batching values; see `suggest`.

        Returns:
            A `Suggestion`.

        Raises:
            UserError: if too little was measured for that.
        """
        from .suggestion import suggest

        return suggest(self)

    def write(self, folder):
        """Writes `bench.csv`, `bench.json` and `bench.png` into a folder.

        Args:
            folder: The folder, made where it is missing.

        Returns:
            A list of the paths written.

        Raises:
            UserError: if they cannot be written.
        """
        folder = Path(folder)
        paths = [folder / f"bench.{kind}" for kind in ("csv", "json", "png")]
        self._write_csv(paths[0])
        self._write_json(paths[1])
        from .figure import write_figure

        write_figure(paths[2], self)
        return paths

    def _write_csv(self, path):
        with atomic_file(path) as file:
            names = [name for name in _record(None) if name != "messages"]
            writer = csv.DictWriter(
                file, names, extrasaction="ignore", lineterminator="\n"
            )
            writer.writeheader()
            for measurement in self.measurements:
                record = _record(measurement)
                errors = record["errors"].items()
                record["errors"] = " ".join(f"{code}:{n}" for code, n in errors)
                writer.writerow(record)

    def _write_json(self, path):
        content = {
            "url": self.url,
            "model": self.model,
            "signature": self.signature,
            "measured": self.measured,
            "stopped": self.stopped,
            "measurements": [_record(item) for item in self.measurements],
        }
        try:
            parameters = self.suggestion().parameters
            content["suggestion"] = dataclasses.asdict(parameters)
        except UserError:
            content["suggestion"] = None
        with atomic_file(path) as file:
            json.dump(content, file, indent=2)
            file.write("\n")


def _record(measurement):
    names = [field.name for field in dataclasses.fields(Measurement)]
    names[4:4] = ["requests_per_second", "rows_per_second"]
    values = {name: getattr(measurement, name, None) for name in names}
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in values.items()
    }

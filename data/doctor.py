"""What an examination of data finds, before hours are spent on training."""

import dataclasses

SEVERITIES = ("error", "warning", "note")
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a person should know about the data.

    Attributes:
        severity: `"error"` (training would fail), `"warning"` (the result will
            be worse, or the figures will flatter) or `"note"`.
        what: The finding in one sentence without the full stop.
        where: Names of the examples or classes it is about.
        mend: What to do about it, as an imperative, or `None`.
    """

    severity: str
    what: str
    where: tuple = ()
    mend: str | None = None

    def lines(self):
        """Returns the finding as lines; only the first few names are shown."""
        lines = [f"{self.severity}: {self.what}"]
        lines += [f"    {name}" for name in self.where[:_SHOWN]]
        if len(self.where) > _SHOWN:
            lines.append(f"    and {len(self.where) - _SHOWN:,} more")
        if self.mend:
            lines.append(f"    -> {self.mend}")
        return lines


@dataclasses.dataclass(frozen=True)
class Report:
    """The findings of an examination.

    Attributes:
        summary: Lines that say what the data is.
        findings: The `Finding`s.
    """

    summary: tuple
    findings: tuple

    @property
    def fatal(self):
        """Whether training would fail."""
        return any(finding.severity == "error" for finding in self.findings)

    def lines(self):
        """Returns the report as lines of text, the gravest findings first."""
        lines = list(self.summary)
        for severity in SEVERITIES:
            for finding in self.findings:
                if finding.severity == severity:
                    lines += finding.lines()
        counts = [
            f"{count} {severity}{'s' if count > 1 else ''}"
            for severity in SEVERITIES
            if (count := sum(f.severity == severity for f in self.findings))
        ]
        verdict = "training would fail" if self.fatal else "ready for training"
        return [*lines, f"{verdict} ({', '.join(counts) or 'nothing found'})"]

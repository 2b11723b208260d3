"""What one row did and what it found: a line of the table."""

from dataclasses import dataclass, field

LIMIT = 30.0  # seconds from the end of a fault until all that was acknowledged is applied


@dataclass
class Outcome:
    faults: int = 0
    requests: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    unexpected: int = 0  # answers that no client can use: a 5xx other than 503 with Retry-After, an odd 4xx
    worst_recovery: float = 0.0  # seconds
    comparisons: int = 0
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""  # why it cannot be done here

    def note(self, text: str) -> None:
        """A figure worth telling."""
        self.notes.append(text)

    def fail(self, text: str) -> None:
        self.failures.append(text)

    def expect(self, is_so: bool, text: str) -> None:
        """Compare; `text` says what is wrong when it is not so."""
        self.comparisons += 1
        if not is_so:
            self.fail(text)

    def recovered(self, seconds: float, limit: float = LIMIT, what: str = "recovery") -> None:
        self.worst_recovery = max(self.worst_recovery, seconds)
        if seconds > limit:
            self.fail(f"{what} took {seconds:.1f} s, more than {limit:g}")

    def skip(self, reason: str) -> "Outcome":
        self.skipped = reason
        return self

    def close(self) -> None:
        """A row that injected or compared nothing has shown nothing."""
        if self.skipped:
            return
        for name in ("lost", "doubled", "unexpected"):
            if count := getattr(self, name):
                self.fail(f"{count} {name}")
        for name in ("faults", "comparisons"):
            if not getattr(self, name):
                self.fail(f"no {name}")

    @property
    def is_well(self) -> bool:
        return not self.failures

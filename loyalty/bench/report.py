"""One line of the table."""

from statistics import median


def per_second(what: str, ours: list[float], floor: list[float], wanted: float) -> str:
    """Higher is better: the ratio ours / floor of each pair of rounds, and its median."""
    ratio = median(one / other for one, other in zip(ours, floor, strict=True))
    return line(what, f"{median(ours):,.0f}/s", f"{median(floor):,.0f}/s", ratio, f">= {wanted}")


def per_call(what: str, ours: list[float], floor: list[float], wanted: float) -> str:
    """Lower is better: seconds a call, the ratio ours / floor."""
    ratio = median(one / other for one, other in zip(ours, floor, strict=True))
    return line(what, f"{median(ours) * 1000:.2f} ms", f"{median(floor) * 1000:.2f} ms", ratio, f"<= {wanted}")


def line(what: str, ours: str, floor: str, ratio: float, wanted: str) -> str:
    return f"{what:<44} {ours:>14} {floor:>14} {ratio:>7.2f} {wanted:>8}"

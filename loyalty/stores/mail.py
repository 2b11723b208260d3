"""Mail that tells people what others named: always plain text, so that nothing in it runs or looks like a page."""

LONGEST_SUBJECT = 150


def subject(text: str) -> str:
    """As one line: names may hold any kind of line break, and a header that has one is not sent."""
    return " ".join(text.split())[:LONGEST_SUBJECT]

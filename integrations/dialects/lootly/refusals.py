"""The errors of this wire, with the code and status that its callers know."""

from integrations.answering import Answer


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field

    @property
    def answer(self) -> Answer:
        body = {"error": self.code, "message": self.message}
        return Answer(self.status, body | ({"field": self.field} if self.field else {}))


def invalid(field: str, message: str) -> Refused:
    return Refused(400, "invalid_value", message, field)


def missing(field: str, message: str) -> Refused:
    return Refused(400, "missing_field", message, field)


def unknown(what: str) -> Refused:
    return Refused(404, f"{what}_not_found", f"This store has no such {what}.")

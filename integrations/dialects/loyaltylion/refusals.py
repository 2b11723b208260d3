"""The errors of this wire: one form, whatever went wrong."""

from typing import Any

from django.http import JsonResponse


class Refused(Exception):
    def __init__(
        self, status: int, code: str, message: str, details: dict[str, str] | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def body(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message} | ({"details": self.details} if self.details else {})
        return {"error": error}

    def response(self) -> JsonResponse:
        return JsonResponse(self.body, status=self.status, headers=self.headers)


def bad_request(message: str) -> Refused:
    return Refused(400, "bad_request", message)


def unauthorized(message: str = "Send a valid API key, or a site token and secret.") -> Refused:
    return Refused(401, "unauthorized", message, WWW_Authenticate='Bearer, Basic realm="API", charset="UTF-8"')


def forbidden(scope: str) -> Refused:
    return Refused(403, "forbidden", f"This API key lacks the scope “{scope}”.")


def not_found() -> Refused:
    return Refused(404, "not_found", "There is nothing at this address.")


def method_not_allowed(allowed: list[str]) -> Refused:
    return Refused(405, "method_not_allowed", f"Use {' or '.join(allowed)} here.", Allow=", ".join(allowed))


def too_large(message: str) -> Refused:
    return Refused(413, "too_large", message)


def invalid(details: dict[str, str], code: str = "invalid") -> Refused:
    """A field is missing or wrong, or the state of things forbids it. Nothing was stored."""
    return Refused(422, code, "; ".join(f"{field} {message}" for field, message in details.items()) + ".", details)


def rate_limited(retry_after: int) -> Refused:
    return Refused(429, "rate_limited", "Too many requests. Slow down.", Retry_After=str(max(retry_after, 1)))


def unavailable() -> Refused:
    return Refused(503, "unavailable", "Nothing was stored. Send it again in a moment.", Retry_After="5")

"""The page that shows the native API. It is served beside the calls, so it brings its own policy."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.generic import TemplateView

# As strict as the other pages': scripts, styles and data from here alone, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class ApiDocsView(TemplateView):
    template_name = "api_docs.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().get(request, *args, **kwargs)
        answer["Content-Security-Policy"] = POLICY
        answer["X-Frame-Options"] = "DENY"
        return answer

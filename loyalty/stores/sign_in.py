"""What a browser is told when nothing is looked at: too soon after wrong tries, or while tries cannot be counted."""

import math
from collections.abc import Callable

import redis
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from .guessing import TooSoon, Uncounted

REST = 10  # seconds


class Refusals:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, TooSoon):
            return refuse(request, "429.html", 429, error.seconds)
        is_of_accounts = request.path.startswith(reverse("account_login").removesuffix("login/"))
        if isinstance(error, Uncounted) or (isinstance(error, redis.RedisError) and is_of_accounts):
            return refuse(request, "account/resting.html", 503, REST)
        return None


def refuse(request: HttpRequest, template: str, status: int, seconds: int) -> HttpResponse:
    response = render(request, template, {"wait": in_words(seconds)}, status=status)
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response


def in_words(seconds: int) -> str:
    if seconds == 1:
        return "a second"
    return f"{seconds} seconds" if seconds < 120 else f"{math.ceil(seconds / 60)} minutes"

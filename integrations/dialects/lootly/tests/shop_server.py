"""A shop that makes coupons: it checks signatures as PHP shops do, and refuses what they refuse."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from integrations.dialects.lootly import php_json

from .signing import KEY, SECRET

Told = tuple[int, Any]


def php_array(value: Any) -> Any:
    """What json_decode($text, true) makes of it: an empty object is an empty array, keys 0..n make a list."""
    if isinstance(value, dict):
        items = {name: php_array(item) for name, item in value.items()}
        return list(items.values()) if list(items) == [str(n) for n in range(len(items))] else items
    return [php_array(item) for item in value] if isinstance(value, list) else value


def is_genuine(members: dict[str, Any]) -> bool:
    signed = dict(sorted((name, php_array(value)) for name, value in members.items() if name != "hmac"))
    mac = hmac.digest(SECRET.encode(), php_json.encode(signed).encode(), "sha256")
    return members.get("key") == KEY and base64.b64encode(mac).decode() == members.get("hmac")


class ShopServer:
    """`is_magento`: all by POST, refusals with 200. `rule_is_coupon`: a second coupon of a name is refused.

    `faults` are taken one a call: a status answered instead; "lost": it is done and the line cut; "late": it is
    done and answered after `delay` seconds.
    """

    def __init__(self, *, is_magento: bool = False, rule_is_coupon: bool = False) -> None:
        self.is_magento, self.rule_is_coupon = is_magento, rule_is_coupon
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.rules: dict[int, dict[str, Any]] = {}
        self.coupons: dict[str, dict[str, Any]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.faults: list[int | str] = []
        self.delay = 1.0
        self.answers: dict[str, Told] = {}  # instead of the shop's own, by path
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                shop.serve(self, dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))

            def do_POST(self) -> None:
                shop.serve(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def __enter__(self) -> "ShopServer":
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/index.php/lootly/"

    @property
    def paths(self) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.calls]

    def serve(self, request: BaseHTTPRequestHandler, members: dict[str, Any]) -> None:
        path = urlsplit(request.path).path.removeprefix("/index.php/lootly/")
        self.calls.append((request.command, path, members))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return self.reply(request, fault, {"message": "Try again."})
        told = self.answers.get(path) or self.answer(request.command, path, members)
        if fault == "late":
            time.sleep(self.delay)
        if fault == "lost":
            request.close_connection = True
            return None
        return self.reply(request, *told)

    def reply(self, request: BaseHTTPRequestHandler, status: int, content: Any) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, method: str, path: str, members: dict[str, Any]) -> Told:
        if not is_genuine(members):
            return (200, {"error": "Invalid Hmac"}) if self.is_magento else (401, {"message": "hmac is incorrect"})
        routes = self.magento_routes() if self.is_magento else self.woo_routes()
        for (wanted, prefix), respond in routes.items():
            if method == wanted and path.startswith(prefix):
                return respond(path.removeprefix(prefix).strip("/"), members)
        return 404, {"message": "No route was found."}

    def woo_routes(self) -> dict[tuple[str, str], Callable[[str, dict], Told]]:
        return {
            ("POST", "price-rules/"): self.create_rule,
            ("POST", "discount-codes/"): self.create_or_find,
            ("GET", "customers/"): self.customer,
        }

    def magento_routes(self) -> dict[tuple[str, str], Callable[[str, dict], Told]]:
        return {("POST", "price-rules/"): self.find, ("POST", "price-rules"): self.create_rule}

    def create_rule(self, rest: str, members: dict[str, Any]) -> Told:
        rule = members["price_rule"]
        if wrong := self.wrong(rule):
            return (200, {"error": wrong}) if self.is_magento else (400, {"message": wrong})
        if rule["title"].lower() in self.coupons:
            return self.exists()
        self.rules[len(self.rules) + 1] = rule
        if self.rule_is_coupon or self.is_magento:
            self.coupons[rule["title"].lower()] = rule
        return 200, {"price_rule": {"id": len(self.rules), "title": rule["title"]}}

    def create_or_find(self, rest: str, members: dict[str, Any]) -> Told:
        code = members["discount_code"]
        if wrong := self.wrong(code):
            return 400, {"message": wrong}
        if code["title"].lower() in self.coupons and self.rule_is_coupon:
            return self.exists()
        self.coupons.setdefault(code["title"].lower(), code)
        return 200, {"discount_code": {"id": 9, "code": code["title"].lower(), "usage_count": 0}}

    def exists(self) -> Told:
        if self.is_magento:
            return 200, {"error": "Coupon with the same code already exists."}
        return 400, {"code": "woocommerce_rest_coupon_code_already_exists", "message": "It exists.", "data": {}}

    def find(self, rest: str, members: dict[str, Any]) -> Told:
        rule = self.rules.get(int(rest))
        return 200, {"discount_code": {"id": rest, "code": rule and rule["title"], "usage_count": 0}}

    def customer(self, rest: str, members: dict[str, Any]) -> Told:
        return (200, {"customer": self.customers[rest]}) if rest in self.customers else (404, {"message": "Unknown"})

    def wrong(self, told: dict[str, Any]) -> str:
        """What these shops insist on."""
        needed = {"title", "value", "value_type", "starts_at", "ends_at", "usage_limit"}
        if missing := needed - set(told):
            return f"Missing: {missing}"
        if not isinstance(told["value"], str) or not told["value"].startswith("-"):
            return "The value must be a negative text."
        if told["target_type"] == "shipping_line":
            if self.is_magento and (told["value_type"], told["value"]) != ("percentage", "-100.0"):
                return "shipping_line items can only have percentage -100%"
            if not self.is_magento and float(told["value"]):
                return "This would be a discount on the whole cart."
        return ""

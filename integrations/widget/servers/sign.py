import hashlib
import hmac
import secrets
import time


def widget_signature(secret, key_id, api_key, customer_id):
    """data-customer-signature for the page of a signed-in customer. Make it anew for every page."""
    issued, expires = int(time.time()), int(time.time()) + 900  # 15 minutes is the most
    nonce = secrets.token_hex(16)
    parts = ["v1", key_id, api_key, str(customer_id), str(issued), str(expires), nonce]
    text = ",".join(f"{len(part.encode())}:{part}" for part in parts)
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"v1:{key_id}:{issued}:{expires}:{nonce}:{mac}"


def widget_signature_v0(api_secret, customer_id):
    """The older form, with the API secret of a connection. It never expires, so it may look and not take."""
    return hashlib.md5(f"{customer_id}{api_secret}".encode()).hexdigest()  # noqa: S324

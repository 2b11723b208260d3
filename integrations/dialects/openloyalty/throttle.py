"""At most forty tries a minute to sign in, for each address and user."""

from loyalty.stores import broker

from .errors import TooOften, Unavailable

TRIES = 40
SECONDS = 60


def count_try(what: str, address: str, user: str) -> None:
    """Raises TooOften, or Unavailable: without a count nobody may guess."""
    key = f"tries:{what}:{address}:{user.strip().lower()[:254]}"
    try:
        pipeline = broker.client.pipeline()
        pipeline.incr(key)
        pipeline.expire(key, SECONDS, nx=True)
        pipeline.ttl(key)
        tries, _, left = pipeline.execute()
    except broker.UNREACHABLE as error:
        raise Unavailable from error
    if tries > TRIES:
        raise TooOften(max(left, 1))

"""Loopback ports: the one for people is checked, the servers' own are chosen once and kept."""

import socket

from .state import State

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def port_for(state: State, server: str) -> int:
    """The port this server had last time, or another one when that is taken."""
    remembered = state.recall(f"{server}.port")
    if remembered.isdigit() and is_free(int(remembered)):
        return int(remembered)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    state.remember(f"{server}.port", str(port))
    return port

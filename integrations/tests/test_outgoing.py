"""Calls to addresses that anybody may have given us: where they may go, and that they end."""

import datetime
import ipaddress
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integrations import addresses, outgoing
from integrations.outgoing import BadAddress, Limits, NoAnswer, TooSlow, send

from .servers import Receiver, drips, hangs, hangs_up, never_ends, respond

QUICK = Limits(connect=0.5, total=1.0, body=1000)


# --- Where calls may go ---------------------------------------------------------------------------

LOOPBACK_HOSTS = [
    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "127.255.255.254", "127.0.0.2", "0",
    "0.0.0.0",
    "2130706433", "0x7f000001", "0x7F.1", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "017700000001", "0177.0.0.1", "0177.1",
    "127.0.0.01", "127.0.0.0x1", "127.000.000.001", "4294967297", "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７.0.0.1",
    "127。0。0。1", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "local%68ost", "ｌocalhost", "ⓛocalhost", "loc\u00adalhost",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2002:7f00:1::7f00:1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[::1%25lo]", "[::1%lo]", "[::1", "::1",
    "[127.0.0.1]",
    "[v1.127.0.0.1]", "[[::1]]", "[::1]x", "127.0.0.1\\.shop.example", "shop.example\\@127.0.0.1", "127.0.0.1\t",
    "127.0.0.1\n", " 127.0.0.1", "127.0.0.1 ", "127.0.0.1%00", "127.0.0.1\x00.shop.example", "", ".", "..", "-", "_",
    "user@127.0.0.1", "user:secret@127.0.0.1", "shop.example@127.0.0.1", "@127.0.0.1", "127.0.0.1@localhost",
    "shop.example%40127.0.0.1", "127.0.0.1#shop.example", "127.0.0.1,shop.example", "{127.0.0.1}", "127.0.0.1;a",
]  # fmt: skip
INSIDE_HOSTS = [
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255", "100.64.0.1",
    "100.127.255.254", "100.100.100.200", "169.254.169.254", "169.254.0.1", "192.0.0.192", "192.0.0.1", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "0.1.2.3", "168.63.129.16", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
    "[fe80::1]", "[fe80::1%25eth0]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fdff::1]", "[ff02::1]", "[ff0e::1]",
    "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:8.8.8.8]", "[::10.0.0.1]", "[64:ff9b::10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]", "[64:ff9b::808:808]", "[2002:a9fe:a9fe::]", "[2002:808:808::1]", "[2001::1]",
    "[2001:db8::1]", "[2001:20::1]", "[2001:2::1]", "[3fff::1]", "[5f00::1]", "[100::1]", "[::]", "[4000::1]",
]  # fmt: skip
URLS = [
    *[f"https://{host}:{{port}}/" for host in LOOPBACK_HOSTS],
    *[f"https://{host}/" for host in INSIDE_HOSTS],
    *[f"http://{host}:{{port}}/" for host in ("127.0.0.1", "localhost", "[::1]", "127.1", "2130706433")],
    "", "https", "https:", "https:/", "https://", "https:///127.0.0.1", "https:127.0.0.1:{port}", "//127.0.0.1:{port}/",
    "127.0.0.1:{port}", "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/", "unix:///run/x.sock", "data:text/plain,x", "javascript:alert(1)", "ws://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}:443/", "https://127.0.0.1:-{port}/", "https://127.0.0.1:0{port}x/", "https://127.0.0.1:65536/",
    "https://127.0.0.1:{port}\r\nHost: shop.example/", "https://127.0.0.1:{port}/\r\nX: 1",
    "https://127.0.0.1:{port}/ HTTP/1.1",
    "ht\ntps://127.0.0.1:{port}/", "\thttps://127.0.0.1:{port}/", "https://127.0.0.1:{port}\\@shop.example/",
    "https:\\\\127.0.0.1:{port}\\", "https://127.0.0.1:{port}/ä", "https://127.0.0.1:{port}/" + "x" * 2000,
]  # fmt: skip


@pytest.fixture
def canaries(monkeypatch):
    """Listen on this machine's own addresses. Their ports are allowed, so that only the address can stop a call."""
    with Receiver() as four, Receiver(family=socket.AF_INET6) as six:
        monkeypatch.setattr(addresses, "PORTS", {443, 8443, four.port, six.port})
        yield four, six


def test_there_are_enough_forms_of_addresses():
    assert len(set(URLS)) >= 150


@pytest.mark.parametrize("url", URLS)
def test_no_form_of_address_reaches_this_machine_or_its_network(url, canaries, monkeypatch):
    def refuse(*args):
        pytest.fail(f"A connection was opened: {args}")

    monkeypatch.setattr(socket, "create_connection", refuse)
    for canary in canaries:
        with pytest.raises((BadAddress, NoAnswer)):  # no answer: the system knows no such name
            send("POST", url.replace("{port}", str(canary.port)), b"{}", limits=QUICK)
        assert canary.touched == 0


@pytest.mark.parametrize("url", ["https://shop.example:80/", "https://shop.example:22/", "https://shop.example:0/"])
def test_only_the_ports_of_the_web_are_called(url):
    with pytest.raises(BadAddress, match="ports"):
        send("GET", url)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_addresses_are_allowed(address):
    assert addresses.is_allowed(ipaddress.ip_address(address))


def resolves_to(monkeypatch, *answers: list[str]) -> list[str]:
    """Each look-up of a name gives the next of the answers. Returns the names as they are asked."""
    asked, real = [], socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host[0].isdigit() or ":" in host:
            return real(host, port, *args, **kwargs)
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "64:ff9b::7f00:1"])
def test_a_name_with_one_address_inside_is_not_called_at_any(monkeypatch, bad):
    resolves_to(monkeypatch, ["8.8.8.8", bad])
    monkeypatch.setattr(socket, "create_connection", lambda *args: pytest.fail("A connection was opened."))
    with pytest.raises(BadAddress, match="public internet"):
        send("POST", "https://shop.example/hook", b"{}")


def test_a_name_is_looked_up_once_and_the_checked_address_called(monkeypatch):
    asked = resolves_to(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    called = []

    def create_connection(address, timeout):
        called.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with pytest.raises(NoAnswer, match="unreachable"):
        send("POST", "https://rebinding.example/hook", b"{}")
    assert (asked, called) == (["rebinding.example"], [("8.8.8.8", 443)])


def test_leave_for_this_machine_is_no_leave_for_its_network(settings, monkeypatch):
    settings.OUTGOING_LOOPBACK = True
    resolves_to(monkeypatch, ["8.8.8.8"])
    for url in ("http://shop.example/", "https://shop.example:9000/", "http://10.0.0.1/", "https://[::ffff:7f00:1]/"):
        with pytest.raises(BadAddress):
            send("POST", url)


# --- How calls go ---------------------------------------------------------------------------------


@pytest.fixture
def loopback(settings):
    settings.OUTGOING_LOOPBACK = True


def test_an_answer_is_returned_as_it_is(loopback):
    with Receiver(respond("201 Created", b'{"id": 1}', "X-Thing: yes")) as receiver:
        answer = send("POST", receiver.url + "?a=1", b'{"x": 2}', {"Content-Type": "application/json"})
    assert (answer.status, answer.is_ok, answer.body, answer.headers["x-thing"]) == (201, True, b'{"id": 1}', "yes")
    assert receiver.requests[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert receiver.bodies == [b'{"x": 2}']
    headers = receiver.headers()
    assert (headers["host"], headers["accept-encoding"]) == (f"127.0.0.1:{receiver.port}", "identity")


def test_redirects_are_not_followed(loopback):
    with Receiver() as inside, Receiver(respond("307 Temporary Redirect", b"", f"Location: {inside.url}")) as receiver:
        answer = send("POST", receiver.url, b"{}")
    assert (answer.status, answer.is_ok, inside.touched) == (307, False, 0)


def test_no_proxy_is_asked(loopback, monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send("POST", receiver.url, b"{}").is_ok
    assert (proxy.touched, receiver.touched) == (0, 1)


def test_a_compressed_answer_is_not_unpacked(loopback):
    with Receiver(respond("200 OK", b"\x1f\x8b bomb", "Content-Encoding: gzip")) as receiver:
        assert send("GET", receiver.url).body == b"\x1f\x8b bomb"


def test_long_answers_are_cut(loopback):
    for behaviour in (never_ends, respond("200 OK", b"x" * 5000)):
        with Receiver(behaviour) as receiver:
            assert send("GET", receiver.url, limits=QUICK).body == b"x" * 1000


@pytest.mark.parametrize(
    "behaviour",
    [
        hangs,
        drips(respond("200 OK", b"x" * 500)),  # the head takes longer than there is
        drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, pause=0.005),
        lambda connected, request: (
            connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"), drips(b"x" * 900)(connected, request)
        ),
    ],
    ids=["hangs", "drips its head", "says to go on for ever", "drips its body"],
)  # fmt: skip
def test_a_clock_ends_every_call(loopback, behaviour):
    with Receiver(behaviour) as receiver:
        began = time.monotonic()
        with pytest.raises(TooSlow):
            send("POST", receiver.url, b"{}", limits=QUICK)
        assert 0.9 < time.monotonic() - began < 1.6


@pytest.mark.parametrize(
    "answer",
    [
        hangs_up,
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_no_answer(loopback, answer):
    with Receiver(answer) as receiver, pytest.raises(NoAnswer):
        send("POST", receiver.url, b"{}", limits=QUICK)


def test_nobody_there_is_no_answer(loopback):
    with Receiver() as receiver:
        url = receiver.url
    with pytest.raises(NoAnswer):
        send("POST", url, b"{}", limits=QUICK)


def test_a_slow_look_up_ends_with_the_call(loopback, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(3))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="not resolved in time"):
        send("POST", "https://slow.example/", limits=QUICK)
    assert time.monotonic() - began < 1.5


# --- Certificates ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Makes server certificates that its own root vouches for."""
    root_key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]),
    )
    now, folder = datetime.datetime.now(datetime.UTC), tmp_path_factory.mktemp("certificates")

    def sign(key, subject, *extensions):
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )  # fmt: skip
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(root_key, hashes.SHA256())

    root = sign(root_key, name, (x509.BasicConstraints(ca=True, path_length=0), True))
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def server(host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = sign(key, x509.Name([]), (x509.SubjectAlternativeName([x509.DNSName(host)]), True))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{host}.pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{host}.pem")
        return context

    return folder / "root.pem", server


@pytest.fixture
def trusted(authority, monkeypatch):
    context = ssl.create_default_context(cafile=authority[0])
    monkeypatch.setattr(outgoing, "context", lambda: context)


def test_the_certificate_must_be_that_of_the_name(loopback, authority, trusted, monkeypatch):
    resolves_to(monkeypatch, ["127.0.0.1"])
    with Receiver(respond("200 OK", b"hi"), tls=authority[1]("shop.example")) as receiver:
        assert send("GET", f"https://shop.example:{receiver.port}/", limits=QUICK).body == b"hi"
        with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
            send("GET", f"https://other.example:{receiver.port}/", limits=QUICK)
    assert len(receiver.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(loopback, authority, monkeypatch):
    resolves_to(monkeypatch, ["127.0.0.1"])
    with (
        Receiver(tls=authority[1]("shop.example")) as receiver,
        pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        send("GET", f"https://shop.example:{receiver.port}/", limits=QUICK)
    assert receiver.requests == []


def test_a_server_that_never_shakes_hands_is_given_up(loopback, monkeypatch):
    resolves_to(monkeypatch, ["127.0.0.1"])
    with Receiver() as receiver:  # waits for a request in plain text
        began = time.monotonic()
        with pytest.raises(NoAnswer):
            send("GET", f"https://shop.example:{receiver.port}/", limits=QUICK)
    assert time.monotonic() - began < 1.5


def test_the_systems_own_roots_are_trusted_and_names_checked():
    assert (outgoing.context().verify_mode, outgoing.context().check_hostname) == (ssl.CERT_REQUIRED, True)

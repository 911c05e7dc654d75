"""What strangers name is fetched from public servers alone, from the address that was checked, and within bounds."""

import time

import pytest

from core import outbound
from core.exceptions import AddressRefused, FetchFailed
from tests.core.internet import Internet, answering, dripping

URL = "https://files.example.com/cat.png?size=large"
CONTENT = b"\x89PNG" + bytes(100_000)


@pytest.fixture
def internet(tmp_path, monkeypatch):
    internet = Internet(tmp_path)
    monkeypatch.setattr("socket.getaddrinfo", internet.getaddrinfo)
    monkeypatch.setattr("socket.create_connection", internet.create_connection)
    monkeypatch.setenv("SSL_CERT_FILE", str(internet.authority_path))
    yield internet
    internet.close()


def fetched(url=URL, *, max_bytes=10**6, seconds=20):
    with outbound.fetch(url, max_bytes=max_bytes, seconds=seconds) as answer:
        return answer.content_type, b"".join(answer.chunks)


def test_a_public_address_is_fetched_by_name(internet):
    # given
    site = internet.site(answering(CONTENT))

    # when
    found = fetched()

    # then
    assert found == ("image/png", CONTENT)
    assert internet.lookups == ["files.example.com."]
    assert internet.dialed == [("93.184.215.14", 443)]
    assert site.names == ["files.example.com"]
    line, *headers = site.requests[0].decode().split("\r\n")
    assert line == "GET /cat.png?size=large HTTP/1.1"
    assert {"Host: files.example.com", "Accept-Encoding: identity"} <= set(headers)


def test_a_body_in_pieces_is_whole(internet):
    pieces = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    internet.site(answering(pieces, Content_Length=None, Transfer_Encoding="chunked"))

    assert fetched() == ("image/png", b"abcde")


def test_a_name_is_asked_once_and_its_second_answer_never_seen(internet):
    internet.site(answering(CONTENT))
    internet.names["files.example.com"] = lambda lookups: ["93.184.215.14"] if lookups == 1 else ["127.0.0.1"]

    assert fetched()[1] == CONTENT
    assert internet.dialed == [("93.184.215.14", 443)]


def test_a_name_that_leads_inside_is_refused_before_anything_is_dialed(internet):
    internet.site(answering(CONTENT))
    fetched()
    internet.dialed.clear()

    # when: it moved since
    internet.names["files.example.com"] = ["169.254.169.254"]

    # then
    with pytest.raises(AddressRefused):
        fetched()
    assert internet.dialed == []


def test_one_answer_that_leads_inside_spoils_the_name(internet):
    internet.site(answering(CONTENT))
    internet.names["files.example.com"] = ["93.184.215.14", "10.0.0.1"]

    with pytest.raises(AddressRefused):
        fetched()
    assert internet.dialed == []


def test_the_next_address_is_tried_where_one_does_not_answer_and_not_all_of_many(internet):
    internet.site(answering(CONTENT))
    internet.names["files.example.com"] = ["93.184.215.1", "93.184.215.14"]
    assert fetched()[1] == CONTENT

    internet.names["files.example.com"] = [f"93.184.215.{number}" for number in range(100, 200)]
    internet.dialed.clear()
    assert_failed("connection")
    assert len(internet.dialed) == 3


@pytest.mark.parametrize("certificate", ["other.example.com", "93.184.215.14"])
def test_a_server_that_cannot_prove_its_name_is_not_listened_to(internet, certificate):
    site = internet.site(answering(CONTENT), certificate=certificate)

    assert_failed("connection")
    assert site.requests == []


def test_a_certificate_of_nobody_known_is_none(internet, monkeypatch):
    site = internet.site(answering(CONTENT))
    monkeypatch.delenv("SSL_CERT_FILE")

    assert_failed("connection")
    assert site.requests == []


@pytest.mark.parametrize("target", ["https://169.254.169.254/latest/meta-data/", "https://elsewhere.example.com/"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(internet, status, target):
    internet.site(answering(b"", status=status, Location=target))

    assert_failed("redirect")
    assert len(internet.dialed) == len(internet.lookups) == 1


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_not_used(internet, monkeypatch, name):
    internet.site(answering(CONTENT))
    monkeypatch.setenv(name, "http://127.0.0.1:3128")

    assert fetched()[1] == CONTENT
    assert internet.dialed == [("93.184.215.14", 443)]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(answering(b"", status="404 Not Found"), "status", id="not found"),
        pytest.param(answering(b"", status="204 No Content", Content_Length=None), "status", id="nothing"),
        pytest.param(answering(CONTENT, status="206 Partial Content"), "status", id="a part"),
        pytest.param(answering(CONTENT, Content_Encoding="gzip"), "encoding", id="packed"),
        pytest.param(answering(CONTENT, Content_Length="200000"), "interrupted", id="less than promised"),
        pytest.param(answering(b"5\r\nabc", Content_Length=None, Transfer_Encoding="chunked"), "interrupted", id="cut"),
        pytest.param(answering(b"", Content_Length="-1"), "interrupted", id="no length"),
        pytest.param(answering(b"", X_Long="a" * 200_000), "interrupted", id="endless header"),
        pytest.param(
            lambda connection, is_over: connection.sendall(b"SSH-2.0\r\n"), "interrupted", id="another speech"
        ),
        pytest.param(lambda connection, is_over: None, "interrupted", id="silence"),
        pytest.param(answering(CONTENT, Content_Length="1000001"), "too_large", id="more than allowed, as it says"),
        pytest.param(answering(bytes(1_000_001), Content_Length=None), "too_large", id="more than allowed"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n\r\n", bytes(50_000)), "too_large", id="a body that never ends"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure(internet, script, reason):
    internet.site(script)

    assert_failed(reason)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(dripping(b"", b""), id="no answer"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"a"), id="header drips"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a"), id="body drips"),
    ],
)
def test_the_clock_runs_over_all_of_it(internet, script):
    internet.site(script)

    assert_in_time()


def test_the_clock_runs_over_the_lookup_and_the_handshake(internet, monkeypatch):
    # given: a server that lets one connect and says nothing, and a resolver that hangs
    site = internet.site(answering(b""), is_secure=False)
    assert_in_time()

    # when
    def hang(lookups):
        site.is_over.wait(20)

    internet.names["files.example.com"] = hang

    # then
    assert_in_time()


def test_less_than_was_asked_for_is_no_larger(internet):
    internet.site(answering(CONTENT))

    assert fetched(max_bytes=len(CONTENT))[1] == CONTENT
    assert_failed("too_large", max_bytes=len(CONTENT) - 1)


def test_a_body_may_be_left_unread(internet):
    internet.site(answering(CONTENT))

    with outbound.fetch(URL, max_bytes=10**6, seconds=20) as answer:
        assert answer.content_type == "image/png"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cat.png",
        "//files.example.com/cat.png",
        "http://files.example.com/",
        "ftp://files.example.com/",
        "file:///etc/passwd",
        "gopher://files.example.com:443/",
        "data:image/png;base64,AAAA",
        "https://",
        "https:///cat.png",
        "https://files.example.com:80/",
        "https://files.example.com:8443/",
        "https://files.example.com:0/",
        "https://files.example.com:99999/",
        "https://files.example.com:443x/",
        "https://user@files.example.com/",
        "https://user:secret@files.example.com/",
        "https://files.example.com@127.0.0.1/",
        "https://files.example.com\\@127.0.0.1/",
        "https://files.example.com%2f@127.0.0.1/",
        "https://files.example.com\n.evil.com/",
        "https://files.example.com\t/",
        "https:// files.example.com/",
        "https://files.example.com./",
        "https://files..example.com/",
        "https://.example.com/",
        "https://-a.example.com/",
        "https://%66iles.example.com/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://a.localhost/",
        "https://printer/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://postgres.default.svc.cluster.local/",
        "https://router.home.arpa/",
        "https://wiki.corp/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1.:443/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0x7f.0x1/",
        "https://0177.0.0.1/",
        "https://127.0.0.0x1/",
        "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
        "https://\u2460\u2461\u2466.0.0.1/",
        "https://127\u30020\u30020\u30021/",
        "https://93.184.215.14/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[2606:4700::1111]/",
        "https://[::1/",
        "https://files.example.com/" + "a" * 9_000,
        "https://" + "a" * 64 + ".example.com/",
        "https://" + "a." * 130 + "com/",
    ],
)
def test_an_address_that_is_no_public_https_address_is_refused_unasked(internet, url):
    internet.site(answering(CONTENT))

    with pytest.raises(AddressRefused):
        fetched(url)
    assert internet.lookups == internet.dialed == []


@pytest.mark.parametrize("url", ["https://FILES.Example.COM:443/cat.png#part", "https://files.example.com"])
def test_spellings_of_the_same_address_are_one(internet, url):
    internet.site(answering(CONTENT))

    assert fetched(url)[1] == CONTENT
    assert internet.lookups == ["files.example.com."]


def test_a_name_of_another_script_is_asked_for_as_the_net_spells_it(internet):
    internet.site(answering(CONTENT), name="xn--bcher-kva.example.com")

    assert fetched("https://b\u00fccher.example.com/")[1] == CONTENT


def test_a_name_that_leads_nowhere_is_a_failure(internet):
    assert_failed("name")


def test_servers_of_our_own_may_be_private_and_speak_plainly(internet, settings):
    # given
    settings.OUTBOUND_ALLOWED_HOSTS = frozenset({"minio:9000", "files.lan:443"})
    internet.site(answering(CONTENT), name="files.lan", address="10.0.0.7")
    site = internet.site(answering(CONTENT), name="minio", address="10.0.0.8", port=9000, is_secure=False)

    # when, then
    assert fetched("http://minio:9000/cat.png")[1] == CONTENT
    assert b"Host: minio:9000\r\n" in site.requests[0]
    assert fetched("https://files.lan/cat.png")[1] == CONTENT
    # and no other port, host or secret
    for url in (
        "http://minio/",
        "http://minio:9001/",
        "http://files.lan/",
        "http://a@minio:9000/",
        "http://10.0.0.8:9000/",
    ):
        with pytest.raises(AddressRefused):
            fetched(url)


ADDRESSES = {
    True: """
        1.1.1.1 8.8.8.8 93.184.215.14 100.63.255.255 100.128.0.0 168.63.129.15 172.15.255.255 172.32.0.0 192.0.1.0
        192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::1 2001:4860::1
        ::ffff:8.8.8.8 64:ff9b::8.8.8.8
    """,
    False: """
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
        168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8
        192.0.0.192 192.0.2.1 192.88.99.3 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
        239.255.255.250 240.0.0.1 255.255.255.255
        :: ::1 ::7f00:1 ::127.0.0.1 ::169.254.169.254 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
        ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1 100:0:0:1::1
        1::1 2001::1 2001:0:7f00:1::1 2001:0:808:808::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::
        2002:a9fe:a9fe:: 2002:808:808:: 3fff::1 4000::1 5f00::1 8000::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1
        fe80::1%eth0 2606:4700::1%eth0 fec0::1 ff02::1 ff0e::1
        localhost 127.1 1.1.1.1.example.com 0x7f.0.0.1 0177.0.0.1 2130706433
    """,
}


@pytest.mark.parametrize(
    ("address", "is_public"), [(address, is_public) for is_public, all in ADDRESSES.items() for address in all.split()]
)
def test_only_what_is_known_to_be_public_is(address, is_public):
    assert outbound.is_public(address) is is_public


def assert_failed(reason, **bounds):
    with pytest.raises(FetchFailed) as failed:
        fetched(**bounds)
    assert failed.value.facts["reason"] == reason


def assert_in_time():
    started = time.monotonic()
    assert_failed("timeout", seconds=0.5)
    assert 0.4 < time.monotonic() - started < 10

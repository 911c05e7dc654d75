"""A little internet on the loopback: names, addresses that lead to servers of the test, and their certificates."""

import datetime as dt
import socket
import ssl
import threading
from contextlib import suppress
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Internet:
    """What getaddrinfo and create_connection find. Both stand at the wire; all above them is real."""

    def __init__(self, folder):
        self._folder = folder
        self._authority = _Authority()
        self.authority_path = folder / "authority.pem"
        self.authority_path.write_bytes(self._authority.pem)
        self.names = {}
        self.hosts = {}
        self.lookups, self.dialed = [], []
        self._resolve, self._connect = socket.getaddrinfo, socket.create_connection
        self._sites = []

    def site(
        self,
        script,
        *,
        name="files.example.com",
        address="93.184.215.14",
        port=443,
        certificate=None,
        is_secure=True,
    ):
        """A server under a name; `script(connection)` plays it. A certificate of None is one for the name."""
        chain = self._folder / f"{len(self._sites)}.pem"
        chain.write_bytes(self._authority.issue(certificate or name))
        site = Site(script, chain if is_secure else None)
        self._sites.append(site)
        self.names.setdefault(name, [address])
        self.hosts[address, port] = site.port
        return site

    def getaddrinfo(self, host, port, *args, **kwargs):
        with suppress(ValueError):
            ip_address(host)
            return self._resolve(host, port, *args, **kwargs)
        self.lookups.append(host)
        found = self.names.get(host.removesuffix("."))
        if callable(found):
            found = found(len(self.lookups))
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def create_connection(self, address, *args, **kwargs):
        self.dialed.append(address)
        if address not in self.hosts:
            raise ConnectionRefusedError(f"nobody at {address}")
        return self._connect(("127.0.0.1", self.hosts[address]), *args, **kwargs)

    def close(self):
        for site in self._sites:
            site.close()


class Site:
    """One server; what it was asked for is in `requests`."""

    def __init__(self, script, chain):
        self._script = script
        self._context = None
        if chain:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(chain)
            self._context.sni_callback = lambda sslsocket, name, context: self.names.append(name)
        self.names, self.requests = [], []
        self.is_over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            # Whoever was asked hangs up at will.
            with suppress(OSError), connection:
                connection.settimeout(10)
                self._answer(connection)

    def _answer(self, plain):
        connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                part = connection.recv(4096)
                if not part:
                    return
                request += part
            self.requests.append(request)
            self._script(connection, self.is_over)

    def close(self):
        self.is_over.set()
        # Closing alone does not wake a thread that accepts.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(timeout=10)


def answering(body, *, status="200 OK", **headers):
    """A script: this answer, then the end of the connection."""
    lines = {"Content-Length": str(len(body)), "Content-Type": "image/png"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return lambda connection, is_over: connection.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


def dripping(before, drop):
    """A script: the beginning at once, and then a drop fifty times a second without end."""

    def script(connection, is_over):
        connection.sendall(before)
        while not is_over.wait(0.02):
            connection.sendall(drop)

    return script


class _Authority:
    """A certificate authority that knows nobody."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The test's authority")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder(self._name, self._key).add_extension(basic, critical=True)
        builder = builder.add_extension(usage, critical=True)
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, name):
        """Key and certificate of a name, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = self._builder(subject, key).add_extension(alternative, critical=False)
        certificate = certificate.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private + certificate.public_bytes(serialization.Encoding.PEM)

    def _builder(self, subject, key):
        today = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - dt.timedelta(days=1))
            .not_valid_after(today + dt.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

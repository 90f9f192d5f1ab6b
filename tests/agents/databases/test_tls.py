"""Sealed lines: the address was looked up once, and the certificate is still compared with the name."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.databases import errors, opened, parse
from agents.databases.sessions import Rules

NAME = "db.shop.invalid"
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # the first words of a client that wants TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for NAME that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def sealed_server(certificate: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Seal the line as PostgreSQL does, keep what is said on it, and hang up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    guest, _ = server.accept()
                except OSError:
                    return
                with guest:
                    assert guest.recv(8) == SSL_REQUEST
                    guest.sendall(b"S")
                    try:
                        with context.wrap_socket(guest, server_side=True) as line:
                            heard.extend(filter(None, [line.recv(4096)]))
                    except OSError:  # it did not like the certificate
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def connect(port: int, name: str, mode: str, ca_file: Path | str) -> errors.DatabaseError:
    rules = Rules(private_hosts=(name,), resolve=lambda host, at: ["127.0.0.1"], ca_file=str(ca_file))
    with (
        pytest.raises(errors.DatabaseError) as caught,
        opened(parse(f"postgresql://u:Canary@{name}:{port}/d?sslmode={mode}"), rules),
    ):
        raise AssertionError("there is no PostgreSQL behind it")
    return caught.value


def test_name_of_the_certificate_is_that_of_the_url_and_not_the_address(certificate: Path) -> None:
    with sealed_server(certificate) as (port, heard):
        connect(port, NAME, "verify-full", certificate)
        assert len(heard) == 1
        assert b"user\x00u\x00database\x00d\x00" in heard[0]
        other = connect(port, "other.shop.invalid", "verify-full", certificate)
        assert isinstance(other, errors.LoginRefused)
        assert "certificate" in str(other)
        assert len(heard) == 1, "nothing was said to it"


def test_authority_that_nobody_named_is_refused(certificate: Path) -> None:
    with sealed_server(certificate) as (port, heard):
        error = connect(port, NAME, "verify-full", "")
    assert (type(error), heard) == (errors.LoginRefused, [])
    assert "WRENCH_DATABASE_CA_FILE" in str(error)


def test_files_of_the_home_folder_take_no_part(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A root.crt there would have `require` verify, and a certificate there would be shown."""
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_text("no certificate")
    (tmp_path / ".postgresql" / "postgresql.crt").write_bytes(certificate.read_bytes())
    monkeypatch.setenv("HOME", str(tmp_path))
    with sealed_server(certificate) as (port, heard):
        connect(port, NAME, "require", "")
    assert len(heard) == 1

# SPDX-License-Identifier: Apache-2.0
"""Certificates for the stand-in, made afresh for each run: nothing is committed, nothing expires."""
import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AWS_NAMES = [
    "localhost", "*.amazonaws.com", "*.us-east-1.amazonaws.com", "*.eu-west-1.amazonaws.com",
    "*.s3.amazonaws.com", "*.s3.us-east-1.amazonaws.com", "*.s3.eu-west-1.amazonaws.com",
    "*.execute-api.us-east-1.amazonaws.com", "*.s3.test", "s3.test",
]
AWS_ADDRESSES = ["127.0.0.1", "::1"]
DAY = datetime.timedelta(days=1)


class Authority:
    """A CA in a folder: ca.pem, and leaf() for one PEM file of certificate and key."""

    def __init__(self, folder, name="test CA"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY).not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False,
                encipher_only=False, decipher_only=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .sign(self.key, hashes.SHA256()))
        self.bundle = self.folder / "ca.pem"
        self.bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def leaf(self, file_name="server.pem", names=None, addresses=None, is_expired=False,
             common_name="stand-in", is_self_signed=False, is_client=False):
        """The path of a new certificate with its key. names=[] leaves only the common name."""
        names = AWS_NAMES if names is None else names
        addresses = AWS_ADDRESSES if addresses is None else addresses
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        end = now - DAY if is_expired else now + 10 * DAY
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (
            x509.CertificateBuilder().subject_name(subject)
            .issuer_name(subject if is_self_signed else self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY).not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.CLIENT_AUTH if is_client else ExtendedKeyUsageOID.SERVER_AUTH]), False))
        sans = [x509.DNSName(n) for n in names]
        sans += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), False)
        certificate = builder.sign(key if is_self_signed else self.key, hashes.SHA256())
        path = self.folder / file_name
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption()))
        path.chmod(0o600)
        return path

"""Sign a manifest with an Ed25519 key from the environment, and verify such a signature."""

import base64
import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from touchline.errors import InputError

KEY, PASSWORD = "TOUCHLINE_AUDIT_KEY", "TOUCHLINE_AUDIT_KEY_PASSWORD"


def load_signing_key() -> Ed25519PrivateKey | None:
    """The private key in TOUCHLINE_AUDIT_KEY (PEM text or a file's path); None if unset. Raises an
    input error for an unreadable or non-Ed25519 key.
    """
    key_text = os.environ.get(KEY, "")
    if not key_text:
        return None
    password = os.environ.get(PASSWORD, "").encode() or None
    try:
        pem = key_text.encode() if key_text.startswith("-----") else Path(key_text).read_bytes()
        key = load_pem_private_key(pem, password)
    except (OSError, ValueError, TypeError):  # words of the library may quote the key
        raise InputError(KEY, "holds no private key that can be read", "give a PEM file") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            KEY, "is not an Ed25519 key", "`openssl genpkey -algorithm ed25519` makes one"
        )
    return key


def sign_bytes(key: Ed25519PrivateKey, signed: bytes) -> str:
    """The text of the signature file: JSON with algorithm, public key and signature, in base64."""
    return _signature_text(key.public_key(), key.sign(signed))


def _signature_text(key: Ed25519PublicKey, signature: bytes) -> str:
    fields = {
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(key.public_bytes_raw()).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return json.dumps(fields, indent=1) + "\n"


def verify_signature(text: str, signed: bytes, expected_key: Path | None) -> str:
    """Verify a signature file's text and return a sentence on who signed. Raises an input error for
    a wrong signature, or if it was not made by `expected_key`.
    """
    try:
        fields = json.loads(text)
        raw = base64.b64decode(fields["public_key"])
        key, mark = Ed25519PublicKey.from_public_bytes(raw), base64.b64decode(fields["signature"])
        if _signature_text(key, mark) != text:
            raise InvalidSignature
        key.verify(mark, signed)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        wrong = "is not a signature of manifest.json"
        raise InputError("manifest.json.sig", wrong, "one of the two was changed") from None
    fingerprint = hashlib.sha256(raw).hexdigest()[:16]
    if expected_key is None:
        return f"signed by key {fingerprint}; --key says whose that must be"
    if _read_public_key(expected_key) != raw:
        raise InputError(
            "manifest.json.sig", f"was made by key {fingerprint}", f"not by that of {expected_key}"
        )
    return f"signed by the key of {expected_key} ({fingerprint})"


def _read_public_key(file: Path) -> bytes:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError):
        raise InputError(file, "is not a public key", "`openssl pkey -pubout` writes one") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(file, "is not an Ed25519 key", "name the signer's public key")
    return key.public_bytes_raw()

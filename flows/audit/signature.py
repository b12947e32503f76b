"""Sign a manifest with an Ed25519 key from the environment, and check such a signature."""

import base64
import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from touchline.errors import BadInput

KEY, PASSWORD = "TOUCHLINE_AUDIT_KEY", "TOUCHLINE_AUDIT_KEY_PASSWORD"


def private() -> Ed25519PrivateKey | None:
    """The key that `TOUCHLINE_AUDIT_KEY` holds, or the file that it names; None for neither."""
    held = os.environ.get(KEY, "")
    if not held:
        return None
    password = os.environ.get(PASSWORD, "").encode() or None
    try:
        pem = held.encode() if held.startswith("-----") else Path(held).read_bytes()
        key = load_pem_private_key(pem, password)
    except (OSError, ValueError, TypeError):  # words of the library may quote the key
        raise BadInput(KEY, "holds no private key that can be read", "give a PEM file") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(KEY, "is no Ed25519 key", "`openssl genpkey -algorithm ed25519` makes one")
    return key


def signature(key: Ed25519PrivateKey, signed: bytes) -> str:
    """The text of the file beside what is signed."""
    return _text(key.public_key(), key.sign(signed))


def _text(key: Ed25519PublicKey, signature: bytes) -> str:
    told = {
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(key.public_bytes_raw()).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return json.dumps(told, indent=1) + "\n"


def check(text: str, signed: bytes, wanted: Path | None) -> str:
    """Who signed it, in words; raises `BadInput` for a wrong signature or another's key."""
    try:
        told = json.loads(text)
        raw = base64.b64decode(told["public_key"])
        key, mark = Ed25519PublicKey.from_public_bytes(raw), base64.b64decode(told["signature"])
        if _text(key, mark) != text:
            raise InvalidSignature
        key.verify(mark, signed)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        wrong = "is no signature of manifest.json"
        raise BadInput("manifest.json.sig", wrong, "one of the two was changed") from None
    finger = hashlib.sha256(raw).hexdigest()[:16]
    if wanted is None:
        return f"signed by key {finger}; --key says whose that must be"
    if _public(wanted) != raw:
        raise BadInput("manifest.json.sig", f"was made by key {finger}", f"not by that of {wanted}")
    return f"signed by the key of {wanted} ({finger})"


def _public(file: Path) -> bytes:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError):
        raise BadInput(file, "is no public key", "`openssl pkey -pubout` writes one") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput(file, "is no Ed25519 key", "name the signer's public key")
    return key.public_bytes_raw()

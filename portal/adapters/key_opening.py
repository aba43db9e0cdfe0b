"""The program that opens an uploaded private key in a process of its own, which `key_files` starts.

How long opening takes is for the file to say: it names the rounds of its passphrase's derivation, and numbers that are
tried for being prime. The library holds every other thread up meanwhile, so a file could stop a whole worker for
minutes. Here it ends after a few seconds of work.
"""

import json
import resource
import sys

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

CPU_S = 3  # a million rounds of PBKDF2 take about one, an RSA key of 4096 bits a third
MEMORY = 512 * 1024 * 1024
MOST_RSA_BITS = 4096
OPENED, CLOSED, WRONG_TYPE, TOO_LARGE = 0, 10, 11, 12


def main() -> int:
    """Read a PEM and its passphrase as JSON, write the key as plain PKCS #8, or end with why not."""
    for limit, most in ((resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    pem, passphrase = json.load(sys.stdin.buffer)
    try:
        key = load_pem_private_key(
            pem.encode(), passphrase and passphrase.encode(), unsafe_skip_rsa_key_validation=True
        )
        if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
            return WRONG_TYPE
        if isinstance(key, RSAPrivateKey):
            if _bits(key) > MOST_RSA_BITS:
                return TOO_LARGE
            key.private_numbers().private_key()  # now that it cannot take long: are these numbers a key?
        sys.stdout.buffer.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except UnsupportedAlgorithm:
        return WRONG_TYPE
    except (ValueError, TypeError):
        return CLOSED
    return OPENED


def _bits(key: RSAPrivateKey) -> int:
    """The size of the key, or of the one that its larger prime would be half of: primes are what takes long to try."""
    numbers = key.private_numbers()
    return max(key.key_size, 2 * numbers.p.bit_length(), 2 * numbers.q.bit_length())


if __name__ == "__main__":
    sys.exit(main())

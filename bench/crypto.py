# The Python column of bench/crypto.janet: a line `name seconds-per-call` for each row whose package
# is installed.
import base64, hashlib, hmac, os, time


def measure(name, call):
    call()
    best, count = 1e9, 1
    while True:
        start = time.process_time()
        for _ in range(count):
            call()
        spent = time.process_time() - start
        if spent > 0.05:
            break
        count *= 2
    for _ in range(4):
        start = time.process_time()
        for _ in range(count):
            call()
        best = min(best, (time.process_time() - start) / count)
    print(name, best, flush=True)


small, large, key, nonce = b"A" * 64, b"A" * 16384, bytes(32), bytes(12)
for size, data in (("64", small), ("16K", large)):
    measure("digest-" + size, lambda: hashlib.sha256(data).digest())
    measure("hmac-" + size, lambda: hmac.digest(key, data, "sha256"))
    text = base64.b64encode(data)
    measure("encode-" + size, lambda: base64.b64encode(data))
    measure("decode-" + size, lambda: base64.b64decode(text, validate=True))
measure("random-32", lambda: os.urandom(32))
measure("pbkdf2-1000", lambda: hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 1000))

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    raise SystemExit

for size, data in (("64", small), ("16K", large)):
    sealed = AESGCM(key).encrypt(nonce, data, None)
    measure("encrypt-" + size, lambda: AESGCM(key).encrypt(nonce, data, None))
    measure("decrypt-" + size, lambda: AESGCM(key).decrypt(nonce, sealed, None))


def parsed(private):
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return lambda: serialization.load_pem_private_key(pem, None)


sha256 = hashes.SHA256()
p256, ed = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
rsa2048 = rsa.generate_private_key(65537, 2048)
measure("sign-p256", lambda: p256.sign(small, ec.ECDSA(sha256)))
measure("sign-ed25519", lambda: ed.sign(small))
measure("sign-rsa2048", lambda: rsa2048.sign(small, padding.PKCS1v15(), sha256))
load_p256 = parsed(p256)
measure("sign-p256-pem", lambda: load_p256().sign(small, ec.ECDSA(sha256)))
signature, public = p256.sign(small, ec.ECDSA(sha256)), p256.public_key()
measure("verify-p256", lambda: public.verify(signature, small, ec.ECDSA(sha256)))

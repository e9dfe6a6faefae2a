"""Python's ssl module as the peer: peer.py server|client key=value...

Keys: name port ca cert key alpn (comma-separated) version (TLSv1.2, TLSv1.3) size (bytes that a
client sends and expects back). Prints facts, a line each: `port N`, then `key value` of the
negotiated parameters, then `clean` if close_notify went both ways, or `error TEXT`.
"""
import os
import socket
import ssl
import sys

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def say(*words):
    print(*words, flush=True)


def make_context(role, options):
    server = role == "server"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if "ca" in options:
        context.load_verify_locations(options["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    if "cert" in options:
        context.load_cert_chain(options["cert"], options["key"])
    if "alpn" in options:
        context.set_alpn_protocols(options["alpn"].split(","))
    if "version" in options:
        context.minimum_version = context.maximum_version = VERSIONS[options["version"]]
    if server:
        context.sni_callback = lambda connection, name, own: say("name", name)
    return context


def tell(connection):
    say("version", connection.version())
    say("alpn", connection.selected_alpn_protocol())
    certificate = connection.getpeercert()
    subject = dict(pair for part in certificate["subject"] for pair in part) if certificate else {}
    say("peer", subject["commonName"] if certificate else None)


def serve(context, options):
    listener = socket.create_server(("127.0.0.1", 0))
    say("port", listener.getsockname()[1])
    plain = listener.accept()[0]
    with context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False) as connection:
        tell(connection)
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.unwrap()


def call(context, options):
    plain = socket.create_connection(("127.0.0.1", options["port"]))
    name = options.get("name", "localhost")
    with context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False) as connection:
        tell(connection)
        size = int(options["size"])
        sent = os.urandom(size)
        got = bytearray()
        for start in range(0, size, 30000):
            connection.sendall(sent[start:start + 30000])
            while len(got) < min(start + 30000, size):
                got += connection.recv(65536)
        say("same", sent == got)
        connection.unwrap()


def main():
    options = dict(word.split("=", 1) for word in sys.argv[2:])
    try:
        (serve if sys.argv[1] == "server" else call)(make_context(sys.argv[1], options), options)
        say("clean")
    except OSError as error:
        say("error", error)


main()

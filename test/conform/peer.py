"""Python's ssl module as test/conform/peer.go has it."""
import os
import socket
import ssl
import sys
import threading

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
options = dict(word.split("=", 1) for word in sys.argv[2:])
server = sys.argv[1] == "server"


def say(*words):
    print(*words, flush=True)


def make_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = VERSIONS[options["version"]]
    if "ca" in options:
        context.load_verify_locations(options["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    if "cert" in options:
        context.load_cert_chain(options["cert"], options["key"])
    if "alpn" in options:
        context.set_alpn_protocols(options["alpn"].split(","))
    if server:
        context.sni_callback = lambda connection, name, own: say("name", name)
    return context


def echo(context, plain):
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            say("alpn", connection.selected_alpn_protocol())
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.unwrap()
    except OSError as error:
        say("refused", error)


def serve(context):
    listener = socket.create_server(("127.0.0.1", 0))
    say("port", listener.getsockname()[1])
    while True:
        threading.Thread(target=echo, args=(context, listener.accept()[0])).start()


def call(context, session):
    plain = socket.create_connection(("127.0.0.1", options["port"]))
    sent = os.urandom(int(options["size"]))
    name = options.get("name", "localhost")
    with context.wrap_socket(plain, server_hostname=name, session=session) as connection:
        got = bytearray()
        for start in range(0, len(sent), 30000):
            connection.sendall(sent[start:start + 30000])
            while len(got) < min(start + 30000, len(sent)):
                got += connection.recv(65536)
        say("alpn", connection.selected_alpn_protocol())
        say("resumed", connection.session_reused)
        session = connection.session
        if got != sent:
            raise OSError("other data")
        connection.unwrap()
    say("clean")
    return session


def main():
    context = make_context()
    try:
        if server:
            serve(context)
        session = None
        for _ in range(int(options.get("times", 1))):
            session = call(context, session)
    except OSError as error:
        say("error", error)
        sys.exit(1)


main()

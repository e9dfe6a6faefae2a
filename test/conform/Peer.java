// Java's JSSE as the peer, with the arguments and answers of test/support/peer.py, and `times`, the
// number of connections one after the other: a client resumes. `p12` and `trust` are PKCS#12 files
// with the password "pwpwpw".
import java.io.*;
import java.security.*;
import java.security.cert.*;
import java.util.*;
import javax.net.ssl.*;

public class Peer {
    static Map<String, String> options = new HashMap<>();
    static final char[] PASSWORD = "pwpwpw".toCharArray();

    static KeyStore store(String path) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(path)) { store.load(in, PASSWORD); }
        return store;
    }

    static SSLContext context() throws Exception {
        KeyManager[] keys = null;
        TrustManager[] trust = null;
        if (options.containsKey("p12")) {
            KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
            factory.init(store(options.get("p12")), PASSWORD);
            keys = factory.getKeyManagers();
        }
        if (options.containsKey("ca")) {
            KeyStore empty = KeyStore.getInstance("PKCS12");
            empty.load(null, null);
            try (InputStream in = new FileInputStream(options.get("ca"))) {
                empty.setCertificateEntry(
                    "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(empty);
            trust = factory.getTrustManagers();
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys, trust, null);
        return context;
    }

    static void tell(SSLSocket socket) throws Exception {
        System.out.println("alpn " + socket.getApplicationProtocol());
        System.out.flush();
    }

    static void set(SSLParameters parameters) {
        parameters.setProtocols(new String[] {options.get("version")});
        if (options.containsKey("alpn"))
            parameters.setApplicationProtocols(options.get("alpn").split(","));
    }

    static void serve(SSLContext context) throws Exception {
        SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory()
            .createServerSocket(0, 50, java.net.InetAddress.getByName("127.0.0.1"));
        SSLParameters parameters = listener.getSSLParameters();
        set(parameters);
        if (options.containsKey("ca")) parameters.setNeedClientAuth(true);
        listener.setSSLParameters(parameters);
        System.out.println("port " + listener.getLocalPort());
        System.out.flush();
        for (;;) {
            SSLSocket socket = (SSLSocket) listener.accept();
            new Thread(() -> {
                try (socket) {
                    socket.startHandshake();
                    tell(socket);
                    var session = (ExtendedSSLSession) socket.getSession();
                    for (SNIServerName name : session.getRequestedServerNames())
                        System.out.println("name " + new String(name.getEncoded()));
                    System.out.flush();
                    socket.getInputStream().transferTo(socket.getOutputStream());
                } catch (Exception error) {
                    System.out.println("refused " + error.getMessage());
                    System.out.flush();
                }
            }).start();
        }
    }

    static void call(SSLContext context) throws Exception {
        SSLSocket socket = (SSLSocket) context.getSocketFactory()
            .createSocket("127.0.0.1", Integer.parseInt(options.get("port")));
        SSLParameters parameters = socket.getSSLParameters();
        set(parameters);
        String name = options.getOrDefault("name", "localhost");
        parameters.setServerNames(List.of(new SNIHostName(name)));
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        byte[] sent = new byte[Integer.parseInt(options.get("size"))];
        new Random().nextBytes(sent);
        new Thread(() -> {
            try { socket.getOutputStream().write(sent); } catch (IOException error) { }
        }).start();
        byte[] got = socket.getInputStream().readNBytes(sent.length);
        if (!Arrays.equals(sent, got)) throw new IOException("other data");
        tell(socket);
        socket.close();
        System.out.println("clean");
        System.out.flush();
    }

    public static void main(String[] words) throws Exception {
        for (String word : words)
            if (word.contains("=")) options.put(word.split("=", 2)[0], word.split("=", 2)[1]);
        SSLContext context = context();
        try {
            if (words[0].equals("server")) serve(context);
            int times = Integer.parseInt(options.getOrDefault("times", "1"));
            for (int i = 0; i < times; i++) call(context);
        } catch (Exception error) {
            System.out.println("error " + error);
            System.exit(1);
        }
    }
}

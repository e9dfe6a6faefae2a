// Node: node.js MODE CERT KEY, node.js client PORT CA COUNT KIND. See limit.c.
// KIND: context or content
const fs = require("fs");
const tls = require("tls");

const chunk = Buffer.alloc(256 << 10);

function pour(socket) {
  while (socket.write(chunk));
}

const handlers = {
  echo: (socket) => socket.on("data", (data) => socket.write(data)),
  sink: (socket) => socket.on("data", () => {}),
  source: (socket) => { socket.on("drain", () => pour(socket)); socket.resume(); pour(socket); },
  byte: (socket) => { socket.resume(); socket.write("!"); },
};

function serve(mode, cert, key) {
  const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key), noDelay: true };
  const server = tls.createServer(options, (socket) => {
    socket.on("error", () => socket.destroy());
    handlers[mode](socket);
  });
  const address = { port: 0, host: "127.0.0.1", backlog: 4096 };
  server.listen(address, () => console.log(server.address().port));
  process.stdin.on("end", () => process.exit(0)).resume();
}

function visit(port, options) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(port, "127.0.0.1", options());
    socket.on("data", () => socket.end());
    socket.on("error", reject);
    socket.on("close", resolve);
  });
}

async function beClient(port, ca, count, kind) {
  const content = fs.readFileSync(ca);
  const context = tls.createSecureContext({ ca: content });
  const options = kind === "context" ? () => ({ secureContext: context, servername: "localhost" })
    : () => ({ ca: content, servername: "localhost" });
  for (let i = 0; i < count / 10; i++) await visit(port, options);
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) await visit(port, options);
  const used = process.cpuUsage(start);
  console.log(`{:units ${count} :cpu ${(used.user + used.system) * 1000}}`);
}

const [mode, ...args] = process.argv.slice(2);
if (mode === "client") beClient(+args[0], args[1], +args[2], args[3]);
else serve(mode, args[0], args[1]);

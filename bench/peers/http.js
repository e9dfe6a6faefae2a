// Node, as an HTTP server: http.js https|http CERT KEY, until standard input ends.
const fs = require("fs");

const [mode, cert, key] = process.argv.slice(2);

function answer(request, response) {
  response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": 13 });
  response.end("hello, world\n");
}

const options = mode === "https" ? { cert: fs.readFileSync(cert), key: fs.readFileSync(key) } : {};
const server = require(mode).createServer(options, answer);
server.keepAliveTimeout = 0;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 },
              () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();

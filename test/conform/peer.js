// Node's tls module as test/conform/peer.go has it.
const tls = require('tls')
const fs = require('fs')
const crypto = require('crypto')

const pair = word => [word.split('=')[0], word.slice(word.indexOf('=') + 1)]
const options = Object.fromEntries(process.argv.slice(3).map(pair))
const say = (...words) => fs.writeSync(1, words.join(' ') + '\n')
const file = path => path && fs.readFileSync(path)
const common = {
  ca: file(options.ca), cert: file(options.cert), key: file(options.key),
  minVersion: options.version, maxVersion: options.version,
  ALPNProtocols: options.alpn && options.alpn.split(','),
}

function serve () {
  const verify = { requestCert: !!options.ca, rejectUnauthorized: !!options.ca }
  const server = tls.createServer({ ...common, ...verify })
  server.on('tlsClientError', error => say('refused', error.message))
  server.on('secureConnection', connection => {
    say('name', connection.servername)
    say('alpn', connection.alpnProtocol)
    connection.on('error', error => say('refused', error.message))
    connection.pipe(connection)
  })
  server.listen(0, '127.0.0.1', () => say('port', server.address().port))
}

function call (session, left) {
  const sent = crypto.randomBytes(Number(options.size))
  const got = []
  let length = 0
  const connection = tls.connect({
    ...common, host: '127.0.0.1', port: options.port,
    servername: options.name || 'localhost', session,
  }, () => connection.write(sent))
  let next
  connection.on('session', given => { next = given })
  connection.on('error', error => { say('error', error.message); process.exit(1) })
  connection.on('data', data => {
    got.push(data)
    length += data.length
    if (length < sent.length) return
    if (!sent.equals(Buffer.concat(got))) process.exit(1)
    say('alpn', connection.alpnProtocol)
    say('resumed', connection.isSessionReused())
    connection.end()
  })
  connection.on('close', () => { say('clean'); if (left > 1) call(next, left - 1) })
}

if (process.argv[2] === 'server') serve()
else call(undefined, Number(options.times || 1))

// Node's tls module as the peer, with the arguments and the answers of peer.py.
const tls = require('tls')
const fs = require('fs')
const crypto = require('crypto')

const role = process.argv[2]
const pair = word => [word.split('=')[0], word.slice(word.indexOf('=') + 1)]
const options = Object.fromEntries(process.argv.slice(3).map(pair))
const say = (...words) => fs.writeSync(1, words.join(' ') + '\n')
const file = path => path && fs.readFileSync(path)

const common = {
  ca: file(options.ca), cert: file(options.cert), key: file(options.key),
  minVersion: options.version, maxVersion: options.version,
  ALPNProtocols: options.alpn && options.alpn.split(','),
}

function tell (connection) {
  say('version', connection.getProtocol())
  say('alpn', connection.alpnProtocol || 'None')
  const peer = connection.getPeerCertificate()
  say('peer', peer && peer.subject ? peer.subject.CN : 'None')
}

// 'end' comes for the peer's close_notify; a cut connection is an error, or 'close' without 'end'.
function watch (connection, done) {
  let ended = false
  connection.on('end', () => { ended = true })
  connection.on('error', error => { say('error', error.message); done() })
  connection.on('close', failed => { if (!failed) say(ended ? 'clean' : 'error cut'); done() })
}

function serve () {
  const verify = { requestCert: !!options.ca, rejectUnauthorized: !!options.ca }
  const server = tls.createServer({ ...common, ...verify })
  server.on('tlsClientError', error => { say('error', error.message); server.close() })
  server.on('secureConnection', connection => {
    say('name', connection.servername || 'None')
    tell(connection)
    watch(connection, () => server.close())
    connection.pipe(connection)
  })
  server.listen(0, '127.0.0.1', () => say('port', server.address().port))
}

function call () {
  const sent = crypto.randomBytes(Number(options.size))
  const got = []
  let length = 0
  const connection = tls.connect({
    ...common, host: '127.0.0.1', port: options.port, servername: options.name || 'localhost',
  }, () => { tell(connection); connection.write(sent) })
  watch(connection, () => {})
  connection.on('data', data => {
    got.push(data)
    length += data.length
    if (length < sent.length) return
    say('same', sent.equals(Buffer.concat(got)) ? 'True' : 'False')
    connection.end()
  })
}

if (role === 'server') serve()
else call()

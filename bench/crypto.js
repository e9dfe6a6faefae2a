// The Node column of bench/crypto.janet: `name seconds-per-call` a line.
const crypto = require('crypto');

function measure(name, call) {
  for (let i = 0; i < 100; i++) call();
  const run = (count) => {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++) call();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  };
  let count = 1;
  while (run(count) < 0.05) count *= 2;
  let best = Infinity;
  for (let i = 0; i < 4; i++) best = Math.min(best, run(count) / count);
  console.log(name, best);
}

const key = Buffer.alloc(32), nonce = Buffer.alloc(12);
for (const [size, data] of [['64', Buffer.alloc(64, 65)], ['16K', Buffer.alloc(16384, 65)]]) {
  measure('digest-' + size, () => crypto.createHash('sha256').update(data).digest());
  measure('hmac-' + size, () => crypto.createHmac('sha256', key).update(data).digest());
  const text = data.toString('base64');
  measure('encode-' + size, () => data.toString('base64'));
  measure('decode-' + size, () => Buffer.from(text, 'base64'));
  const seal = () => {
    const cipher = crypto.createCipheriv('aes-256-gcm', key, nonce);
    return [Buffer.concat([cipher.update(data), cipher.final()]), cipher.getAuthTag()];
  };
  const [sealed, tag] = seal();
  measure('encrypt-' + size, seal);
  measure('decrypt-' + size, () => {
    const cipher = crypto.createDecipheriv('aes-256-gcm', key, nonce);
    cipher.setAuthTag(tag);
    return Buffer.concat([cipher.update(sealed), cipher.final()]);
  });
}
measure('random-32', () => crypto.randomBytes(32));
measure('pbkdf2-1000', () => crypto.pbkdf2Sync('password', 'salt', 1000, 32, 'sha256'));

const small = Buffer.alloc(64, 65);
const p256 = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = crypto.generateKeyPairSync('ed25519');
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
measure('sign-p256', () => crypto.sign('sha256', small, p256.privateKey));
measure('sign-ed25519', () => crypto.sign(null, small, ed.privateKey));
measure('sign-rsa2048', () => crypto.sign('sha256', small, rsa.privateKey));
const pem = p256.privateKey.export({ type: 'pkcs8', format: 'pem' });
measure('sign-p256-pem', () => crypto.sign('sha256', small, pem));
const signature = crypto.sign('sha256', small, p256.privateKey);
measure('verify-p256', () => crypto.verify('sha256', small, p256.publicKey, signature));

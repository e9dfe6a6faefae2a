# HPKE: each mode and kind of key, what is refused, and npm's hpke-js. RFC 9180's vectors for
# senders are in test/c/test_hpke.c: there the sender's ephemeral key can be given.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import ../support/vectors :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def kinds [:x25519 :p-256 :x448 :p-384 :p-521])
(def keys-of (tabseq [kind :in kinds] kind (crypto/generate-key kind)))
(def public-of (tabseq [[kind key] :pairs keys-of] kind (crypto/export-public-key key)))
(def enc-lengths {:x25519 32 :x448 56 :p-256 65 :p-384 97 :p-521 133})
(def x25519 (keys-of :x25519))
(def psk {:psk (string/repeat "s" 32) :psk-id "name"})

(defn- modes
  "Options of the sender and of the recipient for each mode."
  [kind]
  (def sender (crypto/generate-key kind))
  (def [to-seal to-open] [{:sender-key sender} {:sender-key (crypto/export-public-key sender)}])
  {:base [{} {}] :psk [psk psk] :auth [to-seal to-open]
   :auth-psk [(merge psk to-seal) (merge psk to-open)]})

(test "what is sealed opens, in each mode, by each kind of key and cipher"
  (each kind kinds
    (eachp [mode [to-seal to-open]] (modes kind)
      (each shared [{} {:aead :aes-256-gcm :info "info" :aad "aad"}
                    {:aead :chacha20-poly1305 :digest :sha512 :info @"info"}]
        (def {:enc enc :ciphertext ciphertext}
          (crypto/hpke-seal (public-of kind) "message" (merge shared to-seal)))
        (is= (enc-lengths kind) (length enc))
        (is= (+ 16 (length "message")) (length ciphertext))
        (is= @"message" (crypto/hpke-open (keys-of kind) enc ciphertext (merge shared to-open)))))))

(test "empty texts, key objects, certificates and each call's own key"
  (def {:enc enc :ciphertext ciphertext} (crypto/hpke-seal (crypto/key (public-of :x25519)) ""))
  (is= @"" (crypto/hpke-open (crypto/key x25519) (string enc) (string ciphertext)))
  (def p256 (crypto/generate-key :p-256))
  (def sealed (crypto/hpke-seal (cert/generate-self-signed-from-key p256) "to a certificate"))
  (is= @"to a certificate" (crypto/hpke-open p256 (sealed :enc) (sealed :ciphertext)))
  (is (not= (string enc) (string ((crypto/hpke-seal x25519 "") :enc)))))

(test "a long text goes through a worker"
  (def text (string/repeat "0123456789abcdef" (/ (* 5 1024 1024) 16)))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (def {:enc enc :ciphertext ciphertext} (crypto/hpke-seal x25519 text))
  (is (= text (string (crypto/hpke-open x25519 enc ciphertext))))
  (set done true)
  (is (pos? turns)))

# --- what is refused ---

(test "whatever differs between the two sides is refused, without plaintext"
  (each kind [:x25519 :p-256]
    (def others (modes kind))
    (eachp [mode [to-seal to-open]] (modes kind)
      (def shared {:info "info" :aad "aad"})
      (def {:enc enc :ciphertext ciphertext}
        (crypto/hpke-seal (public-of kind) "message" (merge shared to-seal)))
      (defn opens [change &opt key with-enc with-text]
        (crypto/hpke-open (or key (keys-of kind)) (or with-enc enc) (or with-text ciphertext)
                          (merge shared to-open change)))
      (is= @"message" (opens {}))
      (each change [{:info "other"} {:info ""} {:aad "other"} {:aad ""} {:aead :aes-256-gcm}
                    {:aead :chacha20-poly1305} {:digest :sha512}]
        (fails-with "crypto/hpke-open: not authentic: another key" (opens change)))
      (eachp [other [_ options]] others
        (unless (= mode :base other)
          (def [ok _] (protect (crypto/hpke-open (keys-of kind) enc ciphertext
                                                 (merge shared options))))
          (is= (= mode other :psk) ok)))
      (fails-with "not authentic" (opens {} (crypto/generate-key kind)))
      (loop [i :range [0 (length ciphertext)]]
        (def changed (buffer ciphertext))
        (update changed i bxor 1)
        (fails-with "not authentic" (opens {} nil nil changed)))
      (def other-enc ((crypto/hpke-seal (public-of kind) "message" (merge shared to-seal)) :enc))
      (fails-with "not authentic" (opens {} nil other-enc))
      (fails-with "not authentic" (opens {} nil nil (slice ciphertext 0 -2))))))

(test "a pre-shared key that differs in its bytes or its name is refused"
  (def {:enc enc :ciphertext ciphertext} (crypto/hpke-seal x25519 "message" psk))
  (each other [{:psk (string/repeat "t" 32)} {:psk-id "other"}]
    (fails-with "not authentic" (crypto/hpke-open x25519 enc ciphertext (merge psk other)))))

(test "enc of a wrong length, and no point of the curve, are refused"
  (each size [0 31 33 1000]
    (fails-with (string/format "enc: X25519 keys have 32 bytes of enc, got %d" size)
                (crypto/hpke-open x25519 (string/repeat "x" size) (string/repeat "x" 16))))
  (fails-with "no secret agreed on"
              (crypto/hpke-open x25519 (string/repeat "\0" 32) (string/repeat "x" 16)))
  (each enc [(string "\x04" (string/repeat "\x01" 64)) (string/repeat "\0" 65)]
    (fails-with "crypto/hpke-open: enc: not a point"
                (crypto/hpke-open (keys-of :p-256) enc (string/repeat "x" 16))))
  (def {:enc enc} (crypto/hpke-seal x25519 "message"))
  (each size [0 1 15]
    (fails-with (string/format "a ciphertext has 16 bytes or more, got %d" size)
                (crypto/hpke-open x25519 enc (string/repeat "x" size)))))

(test "keys and options that don't fit are refused"
  (each kind [:ed25519 :rsa :secp256k1 :p-224]
    (fails-with "take X25519, X448, P-256, P-384 or P-521"
                (crypto/hpke-seal (crypto/generate-key kind) "message")))
  (each [text options]
    [["options :psk and :psk-id go together" {:psk (string/repeat "s" 32)}]
     ["options :psk and :psk-id go together" {:psk-id "name"}]
     ["bad option :psk, expected 32 bytes or more, got 31"
      {:psk (string/repeat "s" 31) :psk-id "name"}]
     ["bad option :psk-id, expected a name" {:psk (string/repeat "s" 32) :psk-id ""}]
     [":sender-key: ED25519 keys don't agree on secrets"
      {:sender-key (crypto/generate-key :ed25519)}]
     [":sender-key: the keys are not of the same kind"
      {:sender-key (crypto/generate-key :p-256)}]
     [":sender-key: not a private key" {:sender-key (public-of :x25519)}]
     [":export-only there are no messages" {:aead :export-only}]
     ["bad option :aead, expected one of" {:aead :aes-128-cbc}]
     ["bad option :digest, expected one of" {:digest :sha1}]
     ["unknown option :associated" {:associated "x"}]]
    (fails-with text (crypto/hpke-seal x25519 "message" options)))
  (fails-with "crypto/hpke-open: not a private key" (crypto/hpke-open (public-of :x25519) "x" "x"))
  (fails-with "unknown option :aad" (crypto/new-hpke-sender x25519 {:aad "x"})))

# --- contexts ---

(defn- ends [&opt to-seal to-open]
  (def sender (crypto/new-hpke-sender (public-of :x25519) to-seal))
  [sender (crypto/new-hpke-recipient x25519 (:enc sender) (or to-open to-seal))])

(test "messages open in the order in which they were sealed, and in no other"
  (each options [{} {:info "info" :aead :chacha20-poly1305} psk]
    (def [sender recipient] (ends options))
    (def sealed (seq [i :range [0 300]] (:seal sender (string "message " i) (string "aad " i))))
    (fails-with "not authentic" (:open recipient (sealed 1) "aad 1"))
    (fails-with "not authentic" (:open recipient (sealed 0) "aad 1"))
    (fails-with "not authentic" (:open recipient (sealed 0)))
    (eachp [i message] sealed
      (is= (buffer "message " i) (:open recipient message (string "aad " i)))
      (fails-with "not authentic" (:open recipient message (string "aad " i))))))

(test "the first message of a context is that of hpke-seal"
  (def [sender] (ends))
  (is= @"message" (crypto/hpke-open x25519 (:enc sender) (:seal sender "message")))
  (def {:enc enc :ciphertext ciphertext} (crypto/hpke-seal x25519 "message" {:aad "aad"}))
  (is= @"message" (:open (crypto/new-hpke-recipient x25519 enc) ciphertext "aad")))

(test "both sides export the same secrets, which differ by context and length"
  (each options [{} {:aead :export-only} {:digest :sha512}]
    (def [sender recipient] (ends options))
    (each context ["" "context" @"other"]
      (each size [1 32 100 (* 255 32)]
        (def secret (:export sender context size))
        (is= size (length secret))
        (is= secret (:export recipient context size))))
    (is (not= (string (:export sender "a" 32)) (string (:export sender "b" 32))))
    (is (not= (string (:export sender "a" 32)) (string (slice (:export sender "a" 33) 0 32)))))
  (def [sender] (ends))
  (each size [0 -1 (inc (* 255 32)) 1.5]
    (fails-with "bad slot #2" (:export sender "a" size))))

(test "a context of :export-only has no messages"
  (def [sender recipient] (ends {:aead :export-only}))
  (fails-with ":export-only there are no messages" (:seal sender "message"))
  (fails-with ":export-only there are no messages" (:open recipient (string/repeat "x" 16))))

(test "the methods of one kind of object refuse the other, and list themselves"
  (def [sender recipient] (ends))
  (is= [:enc :export :seal] (tuple ;(sort (keys sender))))
  (is= [:export :open] (tuple ;(sort (keys recipient))))
  (fails-with "bad slot #0, expected jsec/hpke-sender" ((sender :seal) recipient "x"))
  (fails-with "bad slot #0, expected jsec/hpke-recipient" ((recipient :open) sender "x"))
  (fails-with "bad slot #1" (:seal sender nil))
  (fails-with "bad slot #1" (:open recipient 5)))

# --- another implementation ---

(def- hpke-js-program
  ``
  import { AeadId, CipherSuite, KdfId, KemId } from 'hpke-js';
  const all = JSON.parse(input);
  const bytes = text => Uint8Array.from(Buffer.from(text, 'hex'));
  const hex = bytes => Buffer.from(bytes).toString('hex');
  const kems = {x25519: KemId.DhkemX25519HkdfSha256, 'p-256': KemId.DhkemP256HkdfSha256,
                x448: KemId.DhkemX448HkdfSha512, 'p-384': KemId.DhkemP384HkdfSha384,
                'p-521': KemId.DhkemP521HkdfSha512};
  const kdfs = {sha256: KdfId.HkdfSha256, sha384: KdfId.HkdfSha384, sha512: KdfId.HkdfSha512};
  const aeads = {'aes-128-gcm': AeadId.Aes128Gcm, 'aes-256-gcm': AeadId.Aes256Gcm,
                 'chacha20-poly1305': AeadId.Chacha20Poly1305};
  for (const q of all) {
    const suite = new CipherSuite({kem: kems[q.kind], kdf: kdfs[q.digest], aead: aeads[q.aead]});
    const key = (half, text) => suite.kem.importKey('raw', bytes(text), half);
    const pair = async (secret, open) => ({privateKey: await key(false, secret),
                                           publicKey: await key(true, open)});
    const own = await pair(q.secret, q.open), theirs = await pair(q.secret2, q.open2);
    const shared = {info: bytes(q.info)};
    if (q.psk) shared.psk = {id: bytes(q.pskId), key: bytes(q.psk)};
    const recipient = await suite.createRecipientContext({
      ...shared, recipientKey: own, enc: bytes(q.enc),
      ...(q.auth ? {senderPublicKey: theirs.publicKey} : {})});
    const first = await recipient.open(bytes(q.first), bytes('00'));
    const second = await recipient.open(bytes(q.second), bytes(''));
    const exported = await recipient.export(bytes('6a'), 48);
    const sender = await suite.createSenderContext({
      ...shared, recipientPublicKey: own.publicKey, ...(q.auth ? {senderKey: theirs} : {})});
    const sealed = [await sender.seal(bytes('aa'), bytes('00')), await sender.seal(bytes('bb'))];
    console.log([hex(first), hex(second), hex(exported), hex(sender.enc), hex(sealed[0]),
                 hex(sealed[1]), hex(await sender.export(bytes('6a'), 48))].join(' '));
  }
  ``)

(defn- question [kind mode digest aead]
  (def [own other] [(crypto/generate-key kind) (crypto/generate-key kind)])
  (def options
    (merge {:info "info" :digest digest :aead aead}
           (if (string/find "psk" mode) psk {})))
  (def auth (truthy? (string/find "auth" mode)))
  (def sender (crypto/new-hpke-sender own (if auth (merge options {:sender-key other}) options)))
  (defn secret [key] (hex (crypto/key-to-raw key {:private true})))
  {:kind kind :digest digest :aead aead :auth auth :options options :own own :other other
   :exported (hex (:export sender "j" 48))
   :members {:kind kind :digest digest :aead aead :info (hex "info") :auth (if auth "yes" "")
             :psk (hex (get options :psk "")) :pskId (hex (get options :psk-id ""))
             :secret (secret own) :open (hex (crypto/key-to-raw own))
             :secret2 (secret other) :open2 (hex (crypto/key-to-raw other))
             :enc (hex (:enc sender)) :first (hex (:seal sender "one" "\0"))
             :second (hex (:seal sender "two"))}})

(npm-test "hpke-js" "hpke-js opens our messages, and we open its, in each mode"
  :deadline 120
  (def questions
    (seq [kind :in kinds
          mode :in ["base" "psk" "auth" "auth-psk"]
          [digest aead] :in [[:sha256 :aes-128-gcm] [:sha512 :chacha20-poly1305]]]
      (question kind mode digest aead)))
  (def text (string "[" (string/join (map |(to-json ($ :members)) questions) ",") "]"))
  (def lines (string/split "\n" (string/trim (ask-npm hpke-js-program text))))
  (is= (length questions) (length lines))
  (loop [i :range [0 (length lines)]]
    (def {:own own :other other :options options :auth auth :exported exported} (questions i))
    (def [first second secret enc one two its-secret] (string/split " " (lines i)))
    (is= [(hex "one") (hex "two") exported] [first second secret])
    (def all (if auth (merge options {:sender-key (crypto/export-public-key other)}) options))
    (def recipient (crypto/new-hpke-recipient own (unhex enc) all))
    (is= @"\xaa" (:open recipient (unhex one) "\0"))
    (is= @"\xbb" (:open recipient (unhex two)))
    (is= its-secret (hex (:export recipient "j" 48)))))

# --- the file of the RFC's authors: recipients ---

(def- kems {0x10 :p-256 0x11 :p-384 0x12 :p-521 0x20 :x25519 0x21 :x448})
(def- kdfs {1 :sha256 2 :sha384 3 :sha512})
(def- aeads {1 :aes-128-gcm 2 :aes-256-gcm 3 :chacha20-poly1305 0xffff :export-only})

(defn- open-all [item]
  (def kind (kems (item "kem_id")))
  (def mode (item "mode"))
  (defn private [name] (crypto/key-from-raw kind (unhex (item name)) {:private true}))
  (def recipient
    (crypto/new-hpke-recipient
      (private "skRm") (unhex (item "enc"))
      (merge {:info (unhex (item "info")) :digest (kdfs (item "kdf_id"))
              :aead (aeads (item "aead_id"))}
             (if (odd? mode) {:psk (unhex (item "psk")) :psk-id (unhex (item "psk_id"))} {})
             (if (>= mode 2) {:sender-key (crypto/export-public-key (private "skSm"))} {}))))
  (var next-number 0)
  (var good true)
  (each message (item "encryptions")
    (when (= next-number (scan-number (get message "sequence number" (string next-number))))
      (++ next-number)
      (set good (and good (= (message "pt") (hex (:open recipient (unhex (message "ct"))
                                                        (unhex (message "aad")))))))))
  (each secret (item "exports")
    (set good (and good (= (secret "exported_value")
                           (hex (:export recipient (unhex (secret "exporter_context"))
                                         (secret "L")))))))
  good)

(vectors-of "hpke/test-vectors.json" read-json
            (fn [item] (if (kems (item "kem_id")) (open-all item) :skip)))

(end)

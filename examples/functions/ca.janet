# ### ca/create
(ca/create "my-ca" {:common-name "My CA"})
# ### ca/issue
(ca/create "a-ca")
(ca/issue "a-ca" ["www.example.org"])
# ### ca/list
(ca/create "b-ca")
(ca/issue "b-ca" ["www.example.org"])
(length (ca/list "b-ca")) # => 1
# ### ca/revoke
(ca/create "c-ca")
(ca/issue "c-ca" ["www.example.org"])
(ca/revoke "c-ca" ((first (ca/list "c-ca")) :serial))
# ### ca/crl
(ca/create "d-ca")
(string/has-prefix? "-----BEGIN X509 CRL" (ca/crl "d-ca")) # => true
# ### ca/dev
(def {:cert cert :key key} (ca/dev "localhost"))

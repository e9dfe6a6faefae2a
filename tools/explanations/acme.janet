# Cause and cure of the errors of jsec/acme; the form is that of tools/explanations.janet.

(def all [

  {:title "What a CA answers by ACME"
   :texts ["the CA *" "the CA's *" "this CA wants an account of its own first*"]
   :parts ["its certificate is for another key" "its certificate is for other names"]
   :cause
   ``The CA refused a request, could not verify a name, or sent something that ACME (RFC 8555) does
   not allow. Its own words follow, as `type: detail`. The commonest: `unauthorized` or
   `connection`, it did not find the answer to its challenge at the name; `rateLimited`, its quota
   is used up; `rejectedIdentifier`, it issues nothing for that name; `externalAccountRequired`.``
   :cure
   ``For challenges: does the name lead to this machine, from outside, on port 443 (tls-alpn-01) or
   80 (http-01)? Try with the CA's staging directory, whose quotas are larger, and wait where it
   says so. "could not be asked": is the directory's URL right, and reachable?``}

  {:title "An answer that is no HTTP, or too large"
   :texts ["the answer*" "not an https URL" "no JSON of …"]
   :cause
   ``The server of an https URL, such as a CA's directory, sent what is no answer of HTTP/1.1, or
   more than 1 MB of it.``
   :cure "Open the URL with `curl -v`: is it the right server, or a proxy in between?"}

  {:title "Names and options of ACME"
   :texts ["a name is no host name with a dot*" "a wildcard is verified by :dns-01 only"
           "give one of :tls-alpn-01*" "give :names, or :allow*" "give :store*"
           "agree to the CA's terms*" "the directory is no https URL" "no ACME server takes keys*"
           "the store is locked*"]
   :cause "`jsec/acme` needs this option, or can't use that name or key."
   :cure "The text says what to give; `(doc acme/obtain)` and `(doc acme/serve)` have all options."}
])

# Cause and cure of the errors of cert/fetch-crl; the form is that of tools/explanations.janet.

(def all [

  {:title "A revocation list that can't be fetched"
   :texts ["no list could be had: …" "the certificate has no address of a list*"]
   :parts ["it answered with status …" "it sent *"]
   :cause
   ``None of the addresses in the certificate has a list that is current, in DER, of the
   certificate's issuer and for that address. For each host the error names what failed: the
   connection, the answer, or the list. Or the certificate names no list at an http or https URL.``
   :cure
   ``The tool shows the addresses: `jsec cert show FILE` has
   crlDistributionPoints. Open the URL with `curl -v`.
   Many CAs have OCSP alone, some have neither. "deadline expired": raise :timeout; "the answer is
   too long": raise :max-size.``}
])

# Unverified: this formula has not been built on macOS yet. `brew install --formula ./jsec.rb`, in a
# folder that also holds the archive of `make dist`.
class Jsec < Formula
  desc "TLS, DTLS and cryptography for the Janet language"
  homepage "https://jsec.example/"
  url "file://#{__dir__}/jsec-0.3.0.tar.gz"
  version "0.3.0"
  license "MIT"

  depends_on "pkgconf" => :build
  depends_on "janet"
  depends_on "openssl@3"

  def install
    system "make", "OFFLINE=1"
    system "make", "OFFLINE=1", "install", "PREFIX=#{prefix}"
  end

  test do
    assert_match "jsec #{version}", shell_output("#{bin}/jsec --version")
  end
end

require "digest"
require "openssl"
require "securerandom"

# data-customer-signature for the page of a signed-in customer. Make it anew for every page.
def widget_signature(secret, key_id, api_key, customer_id)
  issued = Time.now.to_i
  expires = issued + 900 # 15 minutes is the most
  nonce = SecureRandom.hex(16)
  parts = ["v1", key_id, api_key, customer_id.to_s, issued.to_s, expires.to_s, nonce]
  text = parts.map { |part| "#{part.bytesize}:#{part}" }.join(",")
  mac = OpenSSL::HMAC.hexdigest("SHA256", secret, text)
  "v1:#{key_id}:#{issued}:#{expires}:#{nonce}:#{mac}"
end

# The older form, with the API secret of a connection. It never expires, so it may look and not take.
def widget_signature_v0(api_secret, customer_id)
  Digest::MD5.hexdigest("#{customer_id}#{api_secret}")
end

const crypto = require("node:crypto");

// data-customer-signature for the page of a signed-in customer. Make it anew for every page.
function widgetSignature(secret, keyId, apiKey, customerId) {
  const issued = Math.floor(Date.now() / 1000);
  const expires = issued + 900; // 15 minutes is the most
  const nonce = crypto.randomBytes(16).toString("hex");
  const parts = ["v1", keyId, apiKey, String(customerId), String(issued), String(expires), nonce];
  const text = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(",");
  const mac = crypto.createHmac("sha256", secret).update(text).digest("hex");
  return `v1:${keyId}:${issued}:${expires}:${nonce}:${mac}`;
}

// The older form, with the API secret of a connection. It never expires, so it may look and not take.
function widgetSignatureV0(apiSecret, customerId) {
  return crypto.createHash("md5").update(`${customerId}${apiSecret}`).digest("hex");
}

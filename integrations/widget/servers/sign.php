<?php
// data-customer-signature for the page of a signed-in customer. Make it anew for every page.
function widget_signature($secret, $keyId, $apiKey, $customerId)
{
    $issued = (string) time();
    $expires = (string) (time() + 900); // 15 minutes is the most
    $nonce = bin2hex(random_bytes(16));
    $parts = array('v1', $keyId, $apiKey, (string) $customerId, $issued, $expires, $nonce);
    $text = implode(',', array_map(function ($part) { return strlen($part) . ':' . $part; }, $parts));
    $mac = hash_hmac('sha256', $text, $secret);
    return "v1:$keyId:$issued:$expires:$nonce:$mac";
}

// The older form, with the API secret of a connection. It never expires, so it may look and not take.
function widget_signature_v0($apiSecret, $customerId)
{
    return md5($customerId . $apiSecret);
}

<?php
// A shop's side of the signature, as shop modules check it: decode into arrays, sort, encode again.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$told = json_decode(file_get_contents('php://input'), true) ?? $_GET;
$signed = $told;
unset($signed['hmac']);
ksort($signed);
$mac = base64_encode(hash_hmac('sha256', json_encode($signed), getenv('SECRET'), true));
header('Content-Type: application/json');
if (($told['key'] ?? '') !== getenv('KEY') || !hash_equals($mac, $told['hmac'] ?? '')) {
    http_response_code(401);
    echo json_encode(['message' => 'hmac is incorrect']);
} elseif (strpos($path, 'customers/') !== false) {
    echo json_encode(['customer' => ['id' => basename($path), 'title' => $told['title'] ?? '']]);
} elseif (isset($told['price_rule'])) {
    echo json_encode(['price_rule' => ['id' => 5]]);
} else {
    echo json_encode(['discount_code' => ['id' => 5, 'code' => $told['discount_code']['title'] ?? 'CODE-' . uniqid()]]);
}

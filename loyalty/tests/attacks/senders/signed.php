<?php
// Signs bodies as PHP shops do, one a line: php signed.php NUMBER SEED
[, $number, $seed] = $argv;
mt_srand((int) $seed);

function pick(array $of) { return $of[mt_rand(0, count($of) - 1)]; }

function text(): string {
    $parts = ["a", "Zoë", "/", "\\", "\"", "'", "<b>", "&", "😀", "\u{2028}", "\u{7f}", "\t", "\n", " ", "0", "é", "日本", "%", "{", "}", "[", "]", ":", ","];
    $text = "";
    for ($left = mt_rand(0, 8); $left > 0; $left--) $text .= pick($parts);
    return $text;
}

function amount() {
    $cents = mt_rand(0, 1000000);
    return pick([sprintf("%.2f", $cents / 100), $cents / 100, $cents, (string) $cents, $cents / 3, -$cents / 7, $cents * 1e14, $cents / 1e9, null, ""]);
}

function value(int $depth) {
    if ($depth > 0 && mt_rand(0, 2) == 0) {
        $made = [];
        for ($left = mt_rand(0, 4); $left > 0; $left--) mt_rand(0, 1) ? $made[] = value($depth - 1) : $made["k" . text()] = value($depth - 1);
        return pick([$made, array_values($made), (object) $made]);
    }
    return pick([text(), text(), amount(), amount(), true, false, null, mt_rand(), PHP_INT_MAX, PHP_INT_MIN, -0.0, 1e22, [], new stdClass()]);
}

for ($made = 0; $made < $number; $made++) {
    ini_set("serialize_precision", pick(["-1", "-1", "17"]));
    $params = ["id" => pick([mt_rand(), (string) mt_rand(), sprintf("%09d", mt_rand(0, 9999))]), "total_price" => amount(), "total_tax" => amount()];
    $params["customer"] = ["id" => mt_rand(), "email" => "zoë@shop.example", "first_name" => text(), "default_address" => value(2)];
    for ($left = mt_rand(0, 5); $left > 0; $left--) $params["m" . text()] = value(3);
    $params["key"] = "dummy-key";
    $sorted = $params;
    ksort($sorted, SORT_STRING);
    $hmac = base64_encode(hash_hmac("sha256", json_encode($sorted), "dummy-secret", true));
    // Some shops send what they signed, others sort only the copy that they sign.
    $sent = mt_rand(0, 1) ? $sorted : $params;
    echo json_encode($sent + ["hmac" => $hmac]), "\n";
}

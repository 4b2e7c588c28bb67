<?php
// SPDX-License-Identifier: MIT
// Posts as a PHP site does: curl with an array, or a string, for CURLOPT_POSTFIELDS. Reads
// {"url","fields","headers"} on stdin, writes {"status","type","body","continued"}. Without fields: GET.
$call = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$continued = false;
$curl = curl_init($call['url']);
if (isset($call['fields'])) {
    curl_setopt_array($curl, [CURLOPT_POST => true, CURLOPT_POSTFIELDS => $call['fields']]);
}
curl_setopt_array($curl, [
    CURLOPT_HTTPHEADER => $call['headers'],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 20,
    // So long that only an answered Expect is in time.
    CURLOPT_EXPECT_100_TIMEOUT_MS => 60000,
    CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$continued) {
        $continued = $continued || preg_match('~^HTTP/1\.1 100 ~', $line) === 1;
        return strlen($line);
    },
]);
$body = curl_exec($curl);
if ($body === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
echo json_encode([
    'status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
    'type' => curl_getinfo($curl, CURLINFO_CONTENT_TYPE),
    'body' => $body,
    'continued' => $continued,
]);

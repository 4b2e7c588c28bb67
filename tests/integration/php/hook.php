<?php
// SPDX-License-Identifier: MIT
// A site's webhook, served by php -S: what it was told goes into a file, a line each.

require_once getenv('CLIENT');

try {
    $call = DoorbellWebhook::read(trim(file(getenv('SECRET'))[0]));
} catch (DoorbellError $error) {
    http_response_code(403);
    exit($error->getMessage());
}
file_put_contents(getenv('TOLD'), json_encode($call) . "\n", FILE_APPEND | LOCK_EX);

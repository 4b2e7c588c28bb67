<?php
// SPDX-License-Identifier: MIT
// config/doorbell.php: options of doorbell.php, which www/php/README.md lists, and `notifiable`.

return [
    'url' => env('DOORBELL_URL', 'http://127.0.0.1/doorbell'),
    'send_key_file' => env('DOORBELL_SEND_KEY_FILE', '/etc/doorbell/send.key'),
    'secret_file' => env('DOORBELL_SECRET_FILE'),
    // The model whose notifications are Doorbell's, as notifiable_type names it; null: the table is Laravel's own.
    'notifiable' => env('DOORBELL_NOTIFIABLE'),
];

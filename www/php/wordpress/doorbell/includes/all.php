<?php
// SPDX-License-Identifier: MIT
// all.php - loads the client, unless another plugin has, and the parts of the plugin.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

if (!class_exists('Doorbell', false)) {
    require_once __DIR__ . '/doorbell.php'; // www/php/doorbell.php, which `make install` puts here
}
foreach (['site', 'later', 'texts', 'sent', 'comments', 'posts', 'orders', 'roles', 'page', 'blocks', 'profile', 'privacy', 'settings', 'hops'] as $part) {
    require_once __DIR__ . "/$part.php";
}

<?php
// SPDX-License-Identifier: MIT
// Debian's Laravel, and our package, as composer would load them.
require_once 'Illuminate/autoload.php';

$php = dirname(__DIR__, 4) . '/www/php';
require_once "$php/doorbell.php";
spl_autoload_register(function ($class) use ($php) {
    $file = "$php/laravel/" . basename(strtr($class, '\\', '/')) . '.php';
    if (strpos($class, 'Doorbell\\Laravel\\') === 0 && is_file($file)) {
        require_once $file;
    }
});

<?php
// SPDX-License-Identifier: MIT
// The bootstrap of Laravel's skeleton, with Debian's Laravel in place of vendor/.

require_once 'Illuminate/autoload.php';
spl_autoload_register(function ($class) {
    $names = ['App\\' => dirname(__DIR__) . '/app/', 'Doorbell\\Laravel\\' => dirname(__DIR__) . '/vendor/doorbell/doorbell/laravel/'];
    foreach ($names as $prefix => $folder) {
        $file = $folder . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
        if (strpos($class, $prefix) === 0 && is_file($file)) {
            require_once $file;
        }
    }
});
require_once dirname(__DIR__) . '/vendor/doorbell/doorbell/doorbell.php';

$app = new Illuminate\Foundation\Application(dirname(__DIR__));
$app->singleton(Illuminate\Contracts\Http\Kernel::class, Illuminate\Foundation\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, Illuminate\Foundation\Console\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
return $app;

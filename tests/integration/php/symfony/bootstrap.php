<?php
// SPDX-License-Identifier: MIT
// Debian's Symfony, and our transport, as composer would load them.
require_once 'Symfony/Component/Notifier/autoload.php';
require_once 'Symfony/Component/HttpClient/autoload.php';
require_once 'Symfony/Component/EventDispatcher/autoload.php';

$php = dirname(__DIR__, 4) . '/www/php';
require_once "$php/doorbell.php";
foreach (['Options', 'Transport', 'TransportFactory', 'Exception'] as $name) {
    require_once "$php/symfony/Doorbell$name.php";
}

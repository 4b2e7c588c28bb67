<?php
// SPDX-License-Identifier: MIT
// Debian's PSR interfaces, messages and a client, and our adapter, as composer would load them.
require_once 'Psr/Http/Client/autoload.php';
require_once 'Nyholm/Psr7/autoload.php';
require_once 'Symfony/Component/HttpClient/autoload.php';

$php = dirname(__DIR__, 4) . '/www/php';
require_once "$php/doorbell.php";
require_once "$php/psr18/Psr18Http.php";

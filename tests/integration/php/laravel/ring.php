<?php
// SPDX-License-Identifier: MIT
// php ring.php USER WAIT - php artisan doorbell:ring, with the options of doorbell.php in the environment.

use Doorbell\Laravel\DoorbellServiceProvider;
use Doorbell\Laravel\RingCommand;
use Illuminate\Config\Repository;
use Illuminate\Foundation\Application;
use Illuminate\Support\Facades\Facade;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\StreamOutput;

require __DIR__ . '/bootstrap.php';

$app = new Application(sys_get_temp_dir());
$app->instance('config', new Repository(['doorbell' => json_decode(getenv('DOORBELL_OPTIONS'), true)]));
Facade::setFacadeApplication($app);
$app->register(DoorbellServiceProvider::class);
$command = $app->make(RingCommand::class);
$command->setLaravel($app);
exit($command->run(new ArrayInput(['user' => $argv[1], '--wait' => $argv[2]]), new StreamOutput(STDOUT)));

<?php
// SPDX-License-Identifier: MIT

use Doorbell\Laravel\DoorbellServiceProvider;
use Illuminate\Config\Repository;
use Illuminate\Database\Eloquent\Model;
use Illuminate\Foundation\Application;
use Illuminate\Notifications\DatabaseNotification;
use Illuminate\Support\Facades\Facade;
use PHPUnit\Framework\TestCase;

// An application with a real Doorbell: the options of doorbell.php and the connections come in the environment.
abstract class LaravelCase extends TestCase
{
    protected $app;
    protected $bell;

    protected function setUp(): void
    {
        $options = json_decode(getenv('DOORBELL_OPTIONS'), true);
        $connections = json_decode(getenv('DOORBELL_CONNECTIONS'), true);
        $this->app = new Application(sys_get_temp_dir());
        $this->app->instance('config', new Repository([
            'doorbell' => $options + ['notifiable' => Member::class],
            'queue' => ['default' => 'sync', 'connections' => ['sync' => ['driver' => 'sync']], 'failed' => ['driver' => 'null']],
            'database' => ['default' => 'site', 'connections' => $connections],
            'app' => ['timezone' => 'UTC'],
        ]));
        Facade::clearResolvedInstances();
        Facade::setFacadeApplication($this->app);
        Model::clearBootedModels();
        foreach ([Illuminate\Events\EventServiceProvider::class, Illuminate\Database\DatabaseServiceProvider::class,
            Illuminate\Bus\BusServiceProvider::class, Illuminate\Queue\QueueServiceProvider::class,
            Illuminate\Notifications\NotificationServiceProvider::class, DoorbellServiceProvider::class] as $provider) {
            $this->app->register($provider);
        }
        $this->app->boot();
        $this->bell = $this->app->make(Doorbell::class);
    }

    protected function tearDown(): void
    {
        $this->app['db']->purge('site');
        $this->app['db']->purge('owner');
    }

    // An artisan command: [its status, what it says].
    protected function artisan(string $class, array $arguments = []): array
    {
        $command = $this->app->make($class);
        $command->setLaravel($this->app);
        $output = new Symfony\Component\Console\Output\BufferedOutput();
        $status = $command->run(new Symfony\Component\Console\Input\ArrayInput($arguments), $output);
        return [$status, $output->fetch()];
    }
}

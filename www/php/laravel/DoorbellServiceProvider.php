<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Laravel;

use Doorbell;
use Illuminate\Notifications\ChannelManager;
use Illuminate\Notifications\DatabaseNotification;
use Illuminate\Support\Arr;
use Illuminate\Support\Facades\Notification;
use Illuminate\Support\ServiceProvider;

/**
 * Gives the application a Doorbell, made of config/doorbell.php, the notification channel "doorbell", the directive @doorbell,
 * and, where the configuration names a notifiable, its notifications out of Doorbell.
 */
final class DoorbellServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->mergeConfigFrom(__DIR__ . '/config.php', 'doorbell');
        $this->app->scoped(Doorbell::class, function ($app) {
            return new Doorbell(Arr::except($app['config']['doorbell'], 'notifiable'));
        });
        Notification::resolved(function (ChannelManager $channels) {
            $channels->extend('doorbell', function ($app) {
                return $app->make(DoorbellChannel::class);
            });
        });
    }

    public function boot(): void
    {
        $this->publishes([__DIR__ . '/config.php' => $this->app->configPath('doorbell.php')], 'doorbell-config');
        $this->callAfterResolving('blade.compiler', function ($blade) {
            $blade->directive('doorbell', function ($attributes) {
                return '<?php echo \\' . self::class . '::bell(' . ($attributes ?: '[]') . ') ?>';
            });
        });
        $this->commands([InstallCommand::class, RingCommand::class]);
        $type = $this->app['config']['doorbell.notifiable'];
        if ($type !== null) {
            DatabaseNotification::addGlobalScope(new NotificationScope($type));
        }
    }

    /** What @doorbell is in a view: the cookie of whoever is logged in, and their bell; nothing for nobody. */
    public static function bell(array $attributes): string
    {
        $user = auth()->id();
        $bell = app(Doorbell::class);
        $bell->cookie($user);
        return $user === null ? '' : $bell->inbox_tag($user, $attributes);
    }
}

<?php
// SPDX-License-Identifier: MIT

use Doorbell\Laravel\DoorbellServiceProvider;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Notifications\AnonymousNotifiable;
use Illuminate\Notifications\Notifiable;
use Illuminate\Notifications\Notification;
use Illuminate\Support\Facades\Notification as Notifications;
use Illuminate\Support\ServiceProvider;

require_once __DIR__ . '/LaravelCase.php';

class Shipped extends Notification
{
    public $fields;

    public function __construct($fields)
    {
        $this->fields = $fields;
    }

    public function via($notifiable)
    {
        return ['doorbell'];
    }

    public function toDoorbell($notifiable)
    {
        return $this->fields;
    }
}

class QueuedShipped extends Shipped implements ShouldQueue
{
    use Queueable;
}

class Wordless extends Notification
{
    public function via($notifiable)
    {
        return ['doorbell'];
    }
}

class Customer
{
    use Notifiable;

    private $key;

    public function __construct($key)
    {
        $this->key = $key;
    }

    public function getKey()
    {
        return $this->key;
    }
}

class Routed extends Customer
{
    public function routeNotificationForDoorbell($notification)
    {
        return 'shop-' . $this->getKey();
    }
}

class Keyless
{
    use Notifiable;
}

final class ChannelTest extends LaravelCase
{
    private function newest($user)
    {
        return $this->bell->messages($user)['messages'][0];
    }

    public function testNotifiesAUserWithAllFields(): void
    {
        (new Customer(42))->notify(new Shipped(['title' => 'Shipped', 'body' => '茶', 'url' => '/orders/7', 'extra' => ['order' => 7]]));
        $message = $this->newest('42');
        $this->assertSame(['Shipped', '茶', '/orders/7', ['order' => 7]],
            [$message['title'], $message['body'], $message['url'], $message['extra']]);
        (new Customer(42))->notify(new Shipped('Only a title'));
        $this->assertSame('Only a title', $this->newest('42')['title']);
    }

    public function testNotifiesManyByTheFacadeAndByRoutes(): void
    {
        Notifications::send([new Customer('alice'), new Routed('bob')], new Shipped('Two'));
        $this->assertSame('Two', $this->newest('alice')['title']);
        $this->assertSame('Two', $this->newest('shop-bob')['title']);
        Notifications::route('doorbell', ['carol', 'dave'])->notify(new Shipped('A list'));
        $this->assertSame('A list', $this->newest('dave')['title']);
        $this->bell->group_add('editors', 'erin');
        Notifications::route('doorbell', ['group' => 'editors'])->notify(new Shipped('A group'));
        $this->assertSame('A group', $this->newest('erin')['title']);
        Notifications::route('doorbell', ['all' => true])->notify(new Shipped('Everybody'));
        $this->assertSame('Everybody', $this->newest('alice')['title']);
    }

    public function testAQueueSends(): void
    {
        (new Customer('frank'))->notify(new QueuedShipped('Queued'));
        $this->assertSame('Queued', $this->newest('frank')['title']);
    }

    public function testARepeatedSendIsStoredOnce(): void
    {
        $notification = new Shipped('Once');
        $notification->id = 'f81d4fae';
        foreach ([false, true] as $duplicate) {
            $answer = $this->app->make(Illuminate\Notifications\ChannelManager::class)->driver('doorbell')->send(new Customer('gil'), $notification);
            $this->assertSame($duplicate, $answer['duplicate']);
        }
    }

    public function testFailuresAreTold(): void
    {
        $this->app['config']['doorbell'] = ['url' => 'http://127.0.0.1:1/doorbell'] + $this->app['config']['doorbell'];
        $this->app->forgetScopedInstances();
        $this->expectException(DoorbellError::class);
        $this->expectExceptionMessage('check that the address is right');
        (new Customer('hal'))->notify(new Shipped('Lost'));
    }

    /**
     * @dataProvider mistakes
     */
    public function testMistakesAreToldWithTheRemedy($notifiable, $notification, string $message): void
    {
        $this->expectException(LogicException::class);
        $this->expectExceptionMessage($message);
        $this->app->make(Doorbell\Laravel\DoorbellChannel::class)->send($notifiable, $notification);
    }

    public function mistakes(): iterable
    {
        yield [new Customer(1), new Wordless(), 'Wordless has no toDoorbell($notifiable): add one'];
        yield [new Customer(1), new Shipped(['body' => 'x']), 'returns no "title": add one'];
        yield [new Keyless(), new Shipped('x'), 'Keyless has no key: add routeNotificationForDoorbell()'];
        yield [new AnonymousNotifiable(), new Shipped('x'), 'AnonymousNotifiable has no key'];
    }

    public function testTheConfigurationIsDefaultedAndPublished(): void
    {
        $this->app['config']['doorbell'] = [];
        (new DoorbellServiceProvider($this->app))->register();
        $this->assertSame('/etc/doorbell/send.key', $this->app['config']['doorbell']['send_key_file']);
        $files = ServiceProvider::pathsToPublish(DoorbellServiceProvider::class, 'doorbell-config');
        $this->assertSame([$this->app->configPath('doorbell.php')], array_values($files));
    }
}

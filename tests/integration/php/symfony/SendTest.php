<?php
// SPDX-License-Identifier: MIT

use Doorbell\Symfony\DoorbellException;
use Doorbell\Symfony\DoorbellOptions;
use Doorbell\Symfony\DoorbellTransportFactory;
use PHPUnit\Framework\TestCase;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\Notifier\Channel\ChatChannel;
use Symfony\Component\Notifier\Chatter;
use Symfony\Component\Notifier\Event\FailedMessageEvent;
use Symfony\Component\Notifier\Event\SentMessageEvent;
use Symfony\Component\Notifier\Exception\LogicException;
use Symfony\Component\Notifier\Message\ChatMessage;
use Symfony\Component\Notifier\Notification\ChatNotificationInterface;
use Symfony\Component\Notifier\Notification\Notification;
use Symfony\Component\Notifier\Notifier;
use Symfony\Component\Notifier\Recipient\NoRecipient;
use Symfony\Component\Notifier\Recipient\RecipientInterface;
use Symfony\Component\Notifier\Transport;
use Symfony\Component\Notifier\Transport\FailoverTransport;

// Against a real Doorbell: its DSN, and the options of doorbell.php that ask as a user, come in the environment.
final class SendTest extends TestCase
{
    private $dispatcher;
    private $transport;
    private $bell;

    protected function setUp(): void
    {
        $this->dispatcher = new EventDispatcher();
        $this->transport = $this->make(getenv('DOORBELL_DSN'));
        $this->bell = new Doorbell(json_decode(getenv('DOORBELL_OPTIONS'), true));
    }

    private function make(string $dsn)
    {
        return (new Transport([new DoorbellTransportFactory($this->dispatcher)]))->fromString($dsn);
    }

    public function testSendsToAUserWithAllFields(): void
    {
        $events = [];
        $this->dispatcher->addListener(SentMessageEvent::class, function ($event) use (&$events) {
            $events[] = $event->getMessage()->getMessageId();
        });
        $options = DoorbellOptions::to('alice', ['body' => '茶', 'url' => '/orders/7', 'key' => 'shipped-7']);
        $sent = (new Chatter($this->transport))->send(new ChatMessage('Shipped', $options));
        $message = $this->bell->message('alice', $sent->getMessageId());
        $this->assertSame(['Shipped', '茶', '/orders/7'], [$message['title'], $message['body'], $message['url']]);
        $this->assertSame([$sent->getMessageId()], $events);
        $this->assertSame('alice', $options->getRecipientId());
        // The same key is the same message, as when a queue repeats it.
        $again = (new Chatter($this->transport))->send(new ChatMessage('Shipped', $options));
        $this->assertSame($sent->getMessageId(), $again->getMessageId());
    }

    public function testSendsToAListAGroupAndAll(): void
    {
        $this->bell->group_add('editors', ['carol', 'dave']);
        $this->bell->unread('dave');
        $chatter = new Chatter($this->transport);
        $chatter->send(new ChatMessage('List', DoorbellOptions::to(['carol', 'dave'])));
        $chatter->send(new ChatMessage('Group', DoorbellOptions::toGroup('editors')));
        $chatter->send(new ChatMessage('All', DoorbellOptions::toAll()));
        $titles = array_column($this->bell->messages('dave')['messages'], 'title');
        $this->assertSame(['All', 'Group', 'List'], $titles);
        // A user's id never means everybody.
        $this->expectException(DoorbellException::class);
        $chatter->send(new ChatMessage('Oops', DoorbellOptions::to('*')));
    }

    public function testSendsANotification(): void
    {
        $notification = new class('Subject') extends Notification implements ChatNotificationInterface {
            public function asChatMessage(RecipientInterface $recipient, ?string $transport = null): ?ChatMessage
            {
                return ChatMessage::fromNotification($this)->options(DoorbellOptions::to('erin'));
            }
        };
        $notification->content('Content')->channels(['chat']);
        (new Notifier(['chat' => new ChatChannel($this->transport)]))->send($notification, new NoRecipient());
        $message = $this->bell->messages('erin')['messages'][0];
        $this->assertSame(['Subject', 'Content'], [$message['title'], $message['body']]);
    }

    public function testSaysWhatIsMissing(): void
    {
        $this->expectException(LogicException::class);
        $this->expectExceptionMessage('DoorbellOptions::to($userId)');
        $this->transport->send(new ChatMessage('To whom?'));
    }

    public function testAFailureIsATransportsAndFailsOver(): void
    {
        $failed = [];
        $this->dispatcher->addListener(FailedMessageEvent::class, function ($event) use (&$failed) {
            $failed[] = $event->getError();
        });
        $down = $this->make(preg_replace('~:\d+/~', ':1/', getenv('DOORBELL_DSN')));
        $message = new ChatMessage('Hello', DoorbellOptions::to('frank'));
        (new FailoverTransport([$down, $this->transport]))->send($message);
        $this->assertSame('Hello', $this->bell->messages('frank')['messages'][0]['title']);
        $this->assertInstanceOf(DoorbellException::class, $failed[0]);
        $this->assertStringContainsString('check that the address is right', $failed[0]->getMessage());
        $this->assertInstanceOf(DoorbellError::class, $failed[0]->getPrevious());
    }
}

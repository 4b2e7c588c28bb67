<?php
// SPDX-License-Identifier: MIT

use Doorbell\Symfony\DoorbellOptions;
use Doorbell\Symfony\DoorbellTransport;
use Symfony\Component\Notifier\Message\ChatMessage;
use Symfony\Component\Notifier\Message\SmsMessage;
use Symfony\Component\Notifier\Message\MessageInterface;
use Symfony\Component\Notifier\Message\MessageOptionsInterface;
use Symfony\Component\Notifier\Test\TransportTestCase;
use Symfony\Component\Notifier\Transport\TransportInterface;
use Symfony\Contracts\HttpClient\HttpClientInterface;

// Symfony's own test of transports.
final class DoorbellTransportTest extends TransportTestCase
{
    public static function createTransport(?HttpClientInterface $client = null, string $scheme = 'doorbell'): TransportInterface
    {
        return new DoorbellTransport($scheme, '/doorbell', [], $client);
    }

    public static function toStringProvider(): iterable
    {
        yield ['doorbell://127.0.0.1/doorbell', self::createTransport()];
        yield ['doorbells://127.0.0.1/doorbell', self::createTransport(null, 'doorbells')];
    }

    public static function supportedMessagesProvider(): iterable
    {
        yield [new ChatMessage('Hello')];
        yield [new ChatMessage('Hello', DoorbellOptions::to('42'))];
    }

    public static function unsupportedMessagesProvider(): iterable
    {
        yield [new SmsMessage('0611223344', 'Hello')];
        yield [new class() implements MessageInterface {
            public function getRecipientId(): ?string
            {
                return null;
            }

            public function getSubject(): string
            {
                return '';
            }

            public function getOptions(): ?MessageOptionsInterface
            {
                return null;
            }

            public function getTransport(): ?string
            {
                return null;
            }
        }];
    }
}

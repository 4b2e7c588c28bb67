<?php
// SPDX-License-Identifier: MIT

use Doorbell\Symfony\DoorbellTransportFactory;
use Symfony\Component\Notifier\Exception\InvalidArgumentException;
use Symfony\Component\Notifier\Test\TransportFactoryTestCase;
use Symfony\Component\Notifier\Transport\Dsn;
use Symfony\Component\Notifier\Transport\TransportFactoryInterface;

// Symfony's own test of factories, and what a DSN may not have.
final class DoorbellTransportFactoryTest extends TransportFactoryTestCase
{
    public function createFactory(): TransportFactoryInterface
    {
        return new DoorbellTransportFactory();
    }

    public static function supportsProvider(): iterable
    {
        yield [true, 'doorbell://default'];
        yield [true, 'doorbells://example.org/doorbell'];
        yield [false, 'slack://default'];
    }

    public static function createProvider(): iterable
    {
        yield ['doorbell://127.0.0.1/doorbell', 'doorbell://default'];
        yield ['doorbell://127.0.0.1:8080/bell', 'doorbell://127.0.0.1:8080/bell/?timeout=1'];
        yield ['doorbells://example.org/doorbell', 'doorbells://example.org?send_key_file=/etc/doorbell/php.key'];
    }

    public static function unsupportedSchemeProvider(): iterable
    {
        yield ['slack://default'];
    }

    /**
     * @testWith ["doorbell://secret@default", "no user and no key"]
     *           ["doorbell://default?key=x", "\"key\" is no option"]
     */
    public function testRefusesDsn(string $dsn, string $message): void
    {
        $this->expectException(InvalidArgumentException::class);
        $this->expectExceptionMessage($message);
        $this->createFactory()->create(new Dsn($dsn));
    }
}

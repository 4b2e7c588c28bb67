<?php
// SPDX-License-Identifier: MIT

use Doorbell\Psr18\Psr18Http;
use Nyholm\Psr7\Factory\Psr17Factory;
use PHPUnit\Framework\TestCase;
use Symfony\Component\HttpClient\HttpClient;
use Symfony\Component\HttpClient\Psr18Client;

// Against a real Doorbell, whose options come in the environment, by Symfony's client.
final class Psr18HttpTest extends TestCase
{
    private function bell(array $options = []): Doorbell
    {
        $factory = new Psr17Factory();
        $client = new Psr18Client(HttpClient::create(['timeout' => 20, 'max_redirects' => 0]), $factory, $factory);
        $all = $options + json_decode(getenv('DOORBELL_OPTIONS'), true);
        return new Doorbell(['http' => new Psr18Http($client, $factory, $factory)] + $all);
    }

    public function testSendsAsksAndMarks(): void
    {
        $bell = $this->bell();
        $sent = $bell->send('alice', '茶 & cake', ['body' => str_repeat('x', 20000), 'extra' => ['n' => 1]]);
        $this->assertSame(1, $bell->unread('alice')['num']);
        $message = $bell->message('alice', $sent['id']);
        $this->assertSame(['茶 & cake', 20000, ['n' => 1]], [$message['title'], strlen($message['body']), $message['extra']]);
        $bell->mark_read('alice', $sent['id']);
        $this->assertSame(0, $bell->unread('alice')['num']);
    }

    public function testARefusalIsAnError(): void
    {
        $this->expectException(DoorbellError::class);
        $this->expectExceptionCode(404);
        $this->bell()->message('alice', 999999);
    }

    public function testWithoutAReplyItSaysWhatToCheck(): void
    {
        try {
            $this->bell(['url' => 'http://127.0.0.1:1/doorbell'])->send('alice', 'x');
            $this->fail('it was sent');
        } catch (DoorbellError $error) {
            $this->assertSame([0, 'no_reply'], [$error->getCode(), $error->reason]);
            $this->assertStringContainsString('check that the address is right', $error->getMessage());
        }
    }

    public function testWhatIsNoClientIsNamed(): void
    {
        $this->expectException(DoorbellError::class);
        $this->expectExceptionMessage('http must be an object with the method request()');
        new Doorbell(['http' => 'curl']);
    }
}

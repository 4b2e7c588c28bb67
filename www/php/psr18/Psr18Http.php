<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Psr18;

use DoorbellError;
use DoorbellHttp;
use Psr\Http\Client\ClientExceptionInterface;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestFactoryInterface;
use Psr\Http\Message\StreamFactoryInterface;
use Psr\Http\Message\StreamInterface;

/**
 * Doorbell's calls by the site's own HTTP client: new Doorbell(['http' => new Psr18Http($client, $requests, $streams)]). PSR-18
 * knows no time limits: set them in that client, and let it follow no redirects.
 */
final class Psr18Http
{
    private $client;
    private $requests;
    private $streams;

    public function __construct(ClientInterface $client, RequestFactoryInterface $requests, StreamFactoryInterface $streams)
    {
        $this->client = $client;
        $this->requests = $requests;
        $this->streams = $streams;
    }

    /** As DoorbellHttp's. */
    public function request(string $method, string $url, #[\SensitiveParameter]
        array $headers, #[\SensitiveParameter]
        ?string $body, $timeout, $connect_timeout): array
    {
        $request = $this->requests->createRequest($method, $url);
        foreach ($headers as $line) {
            [$name, $value] = explode(':', $line, 2);
            $request = $request->withHeader($name, trim($value));
        }
        if ($body !== null) {
            $request = $request->withBody($this->streams->createStream($body));
        }
        try {
            $response = $this->client->sendRequest($request);
            $text = self::read($response->getBody());
        } catch (ClientExceptionInterface | \RuntimeException $error) {
            throw new DoorbellError($error->getMessage(), 0, 'no_reply');
        }
        $named = [];
        foreach ($response->getHeaders() as $name => $values) {
            $named[strtolower($name)] = implode(', ', $values);
        }
        return [$response->getStatusCode(), $named, $text];
    }

    private static function read(StreamInterface $body): string
    {
        $text = '';
        while (!$body->eof()) {
            $text .= $body->read(65536);
            if (strlen($text) > DoorbellHttp::REPLY_MAX) {
                throw new \RuntimeException('the reply is too long');
            }
        }
        return $text;
    }
}

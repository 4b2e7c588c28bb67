<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Symfony;

use Doorbell;
use DoorbellError;
use Symfony\Component\Notifier\Exception\LogicException;
use Symfony\Component\Notifier\Exception\UnsupportedMessageTypeException;
use Symfony\Component\Notifier\Message\ChatMessage;
use Symfony\Component\Notifier\Message\MessageInterface;
use Symfony\Component\Notifier\Message\SentMessage;
use Symfony\Component\Notifier\Transport\AbstractTransport;
use Symfony\Contracts\EventDispatcher\EventDispatcherInterface;
use Symfony\Contracts\HttpClient\HttpClientInterface;

/** Sends chat messages as site messages. The message's options say to whom: see DoorbellOptions. */
final class DoorbellTransport extends AbstractTransport
{
    protected const HOST = '127.0.0.1';

    private $scheme;
    private $path;
    private $options;

    /** @param array $options of Doorbell, but for its url */
    public function __construct(
        string $scheme,
        string $path,
        array $options,
        ?HttpClientInterface $client = null,
        ?EventDispatcherInterface $dispatcher = null
    ) {
        $this->scheme = $scheme;
        $this->path = $path;
        $this->options = $options;
        parent::__construct($client, $dispatcher);
    }

    public function __toString(): string
    {
        return "{$this->scheme}://{$this->getEndpoint()}{$this->path}";
    }

    public function supports(MessageInterface $message): bool
    {
        return $message instanceof ChatMessage
            && (null === $message->getOptions() || $message->getOptions() instanceof DoorbellOptions);
    }

    protected function doSend(MessageInterface $message): SentMessage
    {
        if (!$this->supports($message)) {
            throw new UnsupportedMessageTypeException(__CLASS__, ChatMessage::class, $message);
        }
        if (null === $message->getOptions()) {
            throw new LogicException('Doorbell does not know to whom: give the message options, such as DoorbellOptions::to($userId).');
        }
        $notification = $message->getNotification();
        $fields = $message->getOptions()->toArray()
            + ($notification ? ['body' => $notification->getContent()] : [])
            + ['title' => $message->getSubject()];
        $protocol = 'doorbells' === $this->scheme ? 'https' : 'http';
        try {
            $bell = new Doorbell(['url' => "$protocol://{$this->getEndpoint()}{$this->path}"] + $this->options);
            $answer = self::send_fields($bell, $fields);
        } catch (DoorbellError $error) {
            throw new DoorbellException($error);
        }
        $sent = new SentMessage($message, (string) $this);
        $sent->setMessageId((string) $answer['id']);
        return $sent;
    }

    private static function send_fields(Doorbell $bell, array $fields): array
    {
        $more = array_diff_key($fields, ['to' => 1, 'group' => 1, 'all' => 1, 'title' => 1]);
        if (isset($fields['group'])) {
            return $bell->send_to_group($fields['group'], $fields['title'], $more);
        }
        if (isset($fields['all'])) {
            return $bell->send_to_all($fields['title'], $more);
        }
        return $bell->send($fields['to'], $fields['title'], $more);
    }
}

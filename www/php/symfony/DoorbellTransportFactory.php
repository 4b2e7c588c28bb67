<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Symfony;

use Symfony\Component\Notifier\Exception\InvalidArgumentException;
use Symfony\Component\Notifier\Exception\UnsupportedSchemeException;
use Symfony\Component\Notifier\Transport\AbstractTransportFactory;
use Symfony\Component\Notifier\Transport\Dsn;
use Symfony\Component\Notifier\Transport\TransportInterface;

/**
 * Of the DSN doorbell://127.0.0.1/doorbell?send_key_file=/etc/doorbell/send.key; doorbells:// is by https, and the
 * host "default" is 127.0.0.1. The key stays in its file: a DSN has no place for it.
 */
final class DoorbellTransportFactory extends AbstractTransportFactory
{
    public function create(Dsn $dsn): TransportInterface
    {
        if (!$this->supports($dsn)) {
            throw new UnsupportedSchemeException($dsn, 'doorbell', $this->getSupportedSchemes());
        }
        if (null !== $dsn->getUser()) {
            throw new InvalidArgumentException('A DSN of Doorbell has no user and no key: name the key\'s file, ?send_key_file=/etc/doorbell/send.key.');
        }
        $options = $dsn->getOptions();
        foreach (array_diff_key($options, ['send_key_file' => 1, 'timeout' => 1, 'connect_timeout' => 1]) as $name => $value) {
            throw new InvalidArgumentException("\"$name\" is no option of Doorbell's DSN; these are: send_key_file, timeout, connect_timeout.");
        }
        foreach (array_intersect_key($options, ['timeout' => 1, 'connect_timeout' => 1]) as $name => $value) {
            $options[$name] = (float) $value;
        }
        $transport = new DoorbellTransport($dsn->getScheme(), rtrim($dsn->getPath() ?: '/doorbell', '/'), $options,
            $this->client, $this->dispatcher);
        return $transport->setHost('default' === $dsn->getHost() ? null : $dsn->getHost())->setPort($dsn->getPort());
    }

    protected function getSupportedSchemes(): array
    {
        return ['doorbell', 'doorbells'];
    }
}

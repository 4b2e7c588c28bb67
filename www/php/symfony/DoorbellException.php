<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Symfony;

use DoorbellError;
use Symfony\Component\Notifier\Exception\RuntimeException;
use Symfony\Component\Notifier\Exception\TransportExceptionInterface;

/** A send that failed, as a failover of transports expects it. getPrevious() is the DoorbellError. */
final class DoorbellException extends RuntimeException implements TransportExceptionInterface
{
    public function __construct(DoorbellError $error)
    {
        parent::__construct($error->getMessage(), $error->getCode(), $error);
    }

    public function getDebug(): string
    {
        return '';
    }
}

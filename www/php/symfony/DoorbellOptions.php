<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Symfony;

use Symfony\Component\Notifier\Message\MessageOptionsInterface;

/** To whom a message goes, and its other fields: body, url, category, extra, key ... as in API.md. */
final class DoorbellOptions implements MessageOptionsInterface
{
    private $fields;

    private function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /** @param string|int|array $users one, or a list */
    public static function to($users, array $fields = []): self
    {
        return new self(['to' => $users] + $fields);
    }

    public static function toGroup(string $group, array $fields = []): self
    {
        return new self(['group' => $group] + $fields);
    }

    public static function toAll(array $fields = []): self
    {
        return new self(['all' => true] + $fields);
    }

    public function toArray(): array
    {
        return $this->fields;
    }

    public function getRecipientId(): ?string
    {
        return isset($this->fields['to']) && !is_array($this->fields['to']) ? (string) $this->fields['to'] : null;
    }
}

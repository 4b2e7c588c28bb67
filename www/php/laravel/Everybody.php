<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Laravel;

use Illuminate\Database\Eloquent\Model;
use Illuminate\Notifications\Notifiable;

/** All users as one notifiable: Notification::send(new Everybody(), …) stores one message, by either channel. */
final class Everybody extends Model
{
    use Notifiable;

    public function getMorphClass(): string
    {
        return self::class; // notifications.sql knows it by this name
    }

    public function routeNotificationForDoorbell(): array
    {
        return ['all' => true];
    }
}

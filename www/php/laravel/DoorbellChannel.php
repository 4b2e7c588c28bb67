<?php
// SPDX-License-Identifier: MIT

namespace Doorbell\Laravel;

use Doorbell;
use Illuminate\Notifications\Notification;
use LogicException;

/**
 * Sends what toDoorbell($notifiable) of a notification returns: a title, or the fields of a message with `title` among
 * them. It goes to the notifiable's key, or to its route for "doorbell": a user, a list of users, ['group' => 'editors'],
 * or ['all' => true].
 */
final class DoorbellChannel
{
    private $bell;

    public function __construct(Doorbell $bell)
    {
        $this->bell = $bell;
    }

    /** @return array the answer to the send */
    public function send($notifiable, Notification $notification): array
    {
        if (!method_exists($notification, 'toDoorbell')) {
            throw new LogicException(get_class($notification) . ' has no toDoorbell($notifiable): add one that returns the fields of a message.');
        }
        $fields = $notification->toDoorbell($notifiable);
        $fields = is_string($fields) ? ['title' => $fields] : $fields;
        if (!isset($fields['title']) && !isset($fields['category'])) {
            throw new LogicException(get_class($notification) . '::toDoorbell() returns no "title": add one, or a "category" with templates.');
        }
        $more = array_diff_key($fields, ['title' => 1])
            + ['key' => "laravel-$notification->id"]; // a queue that repeats the send stores one message
        $to = $this->route($notifiable, $notification);
        if (is_array($to) && isset($to['group'])) {
            return $this->bell->send_to_group($to['group'], $fields['title'] ?? null, $more);
        }
        if (is_array($to) && isset($to['all'])) {
            return $this->bell->send_to_all($fields['title'] ?? null, $more);
        }
        return $this->bell->send($to, $fields['title'] ?? null, $more);
    }

    private function route($notifiable, Notification $notification)
    {
        $to = $notifiable->routeNotificationFor('doorbell', $notification);
        if ($to === null && method_exists($notifiable, 'getKey')) {
            $to = $notifiable->getKey();
        }
        if ($to === null) {
            throw new LogicException(get_class($notifiable) . ' has no key: add routeNotificationForDoorbell(), which returns the user\'s id.');
        }
        return $to;
    }
}

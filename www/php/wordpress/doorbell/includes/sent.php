<?php
// SPDX-License-Identifier: MIT
// sent.php - keeps what Doorbell shows of a comment or post in step with it. The object's metadata hold what was sent of it and for
// which state; settle() compares that with the state of now, recalls and sends. So it may be called at any time, and again.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const SENT = '_doorbell'; // metadata: for, key, ids, is_done

/**
 * @param string $type "comment" or "post"
 * @param string $wanted the state for which messages are wanted now; '' for none
 * @param callable $messages returns them, fields of POST /messages each; and `except`, a user of the group who is not to have it
 * @param int $tries how often it was tried later
 */
function settle($type, $id, $wanted, callable $messages, $tries)
{
    $sent = get_metadata($type, $id, SENT, true);
    if (is_array($sent) && $sent['for'] !== $wanted) {
        if (!recall_all($sent['ids'])) {
            later($type, $id, $tries);
            return;
        }
        delete_metadata($type, $id, SENT);
        $sent = null;
    }
    if ($wanted === '' || (is_array($sent) && $sent['is_done'])) {
        return;
    }
    if (!is_array($sent)) {
        // Before the first send: one that is repeated with this key is stored once.
        $sent = ['for' => $wanted, 'key' => wp_generate_password(20, false), 'ids' => [], 'is_done' => false];
        update_metadata($type, $id, SENT, $sent);
    }
    $sent = send_all($sent, $messages());
    update_metadata($type, $id, SENT, $sent);
    if (!$sent['is_done']) {
        later($type, $id, $tries);
    }
}

function send_all(array $sent, array $messages)
{
    $sent['is_done'] = true;
    foreach ($messages as $message) {
        $except = isset($message['except']) ? $message['except'] : null;
        unset($message['except']);
        $key = $sent['key'] . '-' . md5(wp_json_encode($message));
        $answer = attempt(function ($bell) use ($message, $key) {
            return $bell->call('POST', '/messages', $message + ['key' => $key]);
        });
        if (is_array($answer)) {
            $sent['ids'] = array_values(array_unique(array_merge($sent['ids'], [$answer['id']])));
            $except === null || attempt(function ($bell) use ($except, $answer) {
                return $bell->remove($except, $answer['id']);
            });
        }
        $sent['is_done'] = $sent['is_done'] && $answer !== null;
    }
    return $sent;
}

/** @return bool whether all are taken back, or are no more */
function recall_all(array $ids)
{
    foreach ($ids as $id) {
        $answer = attempt(function ($bell) use ($id) {
            return $bell->recall($id);
        });
        if ($answer === null) {
            return false;
        }
    }
    return true;
}

/** As a task of its own, for what the object's metadata no longer tell. */
function recall(array $ids, $tries = 0)
{
    if (!recall_all($ids)) {
        later('recall', $ids, $tries);
    }
}

/** Before the object is deleted, or when nothing of it shall be shown again. */
function forget($type, $id)
{
    $sent = get_metadata($type, $id, SENT, true);
    if (is_array($sent)) {
        delete_metadata($type, $id, SENT);
        recall($sent['ids']);
    }
}

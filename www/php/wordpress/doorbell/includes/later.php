<?php
// SPDX-License-Identifier: MIT
// later.php - what failed, or is too much for one request, is done by WP-Cron after 1 minute, 5, 25 and so on for almost three days.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const RETRY = 'doorbell_retry';
const RETRIES_MAX = 6;

add_action(RETRY, __NAMESPACE__ . '\retry', 10, 3);

/** @param string $task one of retry() */
function later($task, $what, $tries = 0)
{
    if ($tries < RETRIES_MAX) {
        wp_schedule_single_event(time() + 60 * (int) pow(5, $tries), RETRY, [$task, $what, $tries + 1]);
    }
}

function retry($task, $what, $tries)
{
    $tasks = [
        'comment' => 'comment_settle', 'post' => 'post_settle', 'comments of post' => 'post_forget_comments',
        'recall' => 'recall', 'erase' => 'erase_user',
    ];
    if (isset($tasks[$task])) {
        call_user_func(__NAMESPACE__ . '\\' . $tasks[$task], $what, $tries);
    }
}

function unschedule_all()
{
    wp_unschedule_hook(RETRY);
    wp_unschedule_hook(ROLES_SYNC);
}

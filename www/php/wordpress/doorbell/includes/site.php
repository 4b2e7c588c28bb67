<?php
// SPDX-License-Identifier: MIT
// site.php - the Doorbell of this site: where it is, and how a call of it fails without harm.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const FAILURE = 'doorbell_failure'; // the option with the last one: at, text, is_silent
const SILENCE = 10; // seconds in which a Doorbell that did not reply is not called

/** What wp-config.php may define, and the option of the client that it is. Keys are named by their file alone. */
function constants()
{
    return [
        'DOORBELL_URL' => 'url', 'DOORBELL_KEY_FILE' => 'send_key_file', 'DOORBELL_SECRET_FILE' => 'secret_file',
        'DOORBELL_AUDIENCE' => 'audience', 'DOORBELL_TOKEN_TTL' => 'token_ttl', 'DOORBELL_COOKIE_DOMAIN' => 'cookie_domain',
        'DOORBELL_TIMEOUT' => 'timeout', 'DOORBELL_CONNECT_TIMEOUT' => 'connect_timeout', 'DOORBELL_PAGE_TIMEOUT' => 'page_timeout',
    ];
}

/** @throws \DoorbellError if a constant is of no use */
function bell()
{
    static $bell = null;
    if ($bell === null) {
        $options = ['secure' => is_ssl(), 'script' => null];
        foreach (constants() as $constant => $option) {
            if (defined($constant)) {
                $options[$option] = constant($constant);
            }
        }
        $bell = new \Doorbell($options);
    }
    return $bell;
}

/**
 * Calls Doorbell, and breaks nothing if that fails.
 *
 * @return mixed what $call returns; null if it may succeed later, false if it never will
 */
function attempt(callable $call)
{
    if (is_silent()) {
        return null;
    }
    try {
        return $call(bell());
    } catch (\DoorbellError $error) {
        note_failure($error->getMessage(), $error->reason === 'no_reply');
        return in_array($error->getCode(), [400, 404, 409, 413, 422], true) ? false : null;
    }
}

/** Whether it did not reply a moment ago: then nobody waits for it again. */
function is_silent()
{
    $failure = get_option(FAILURE);
    return is_array($failure) && $failure['is_silent'] && abs(time() - $failure['at']) < SILENCE;
}

/** For the log and the settings page. Written once in a while only: a Doorbell that is down must not cost a write a page. */
function note_failure($text, $is_silent = false)
{
    error_log("Doorbell: $text");
    $last = get_option(FAILURE);
    if (!is_array($last) || $last['is_silent'] !== $is_silent || $last['text'] !== $text || time() - $last['at'] >= SILENCE) {
        update_option(FAILURE, ['at' => time(), 'text' => $text, 'is_silent' => $is_silent]);
    }
}

/** A user's id in Doorbell is that in WordPress. */
function user_id($user_id)
{
    return (string) (int) $user_id;
}

<?php
// SPDX-License-Identifier: MIT
// texts.php - what messages say: plain text, in the language of the user who gets them.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const TITLE_MAX = 255; // characters, as in API.md
const BODY_WORDS = 40;
const MENTIONS_MAX = 20;

/** @return array category => its name for people */
function categories()
{
    return [
        'comments' => __('Comments', 'doorbell'), 'replies' => __('Replies', 'doorbell'), 'mentions' => __('Mentions', 'doorbell'),
        'posts' => __('New posts', 'doorbell'), 'orders' => __('Orders', 'doorbell'), 'moderation' => __('Moderation', 'doorbell'),
    ];
}

/** HTML as text. */
function plain($html)
{
    return trim(html_entity_decode(wp_strip_all_tags((string) $html, true), ENT_QUOTES, 'UTF-8'));
}

/** A format of a translation, filled in, as a title. */
function title_of($format, array $texts)
{
    $title = vsprintf($format, array_map(__NAMESPACE__ . '\plain', $texts));
    return mb_strlen($title, 'UTF-8') <= TITLE_MAX ? $title : mb_substr($title, 0, TITLE_MAX - 1, 'UTF-8') . '…';
}

function body_of($html)
{
    return wp_trim_words(plain(strip_shortcodes(excerpt_remove_blocks($html))), BODY_WORDS, '…');
}

/**
 * One message for each language of these users.
 *
 * @param int[] $users
 * @param callable $fields returns the message's fields; is called in that language
 * @return array[] messages
 */
function in_languages(array $users, callable $fields)
{
    $by_locale = [];
    foreach (array_unique(array_filter($users)) as $user) {
        $by_locale[get_user_locale($user)][] = user_id($user);
    }
    $messages = [];
    foreach ($by_locale as $locale => $ids) {
        $is_switched = switch_to_locale($locale);
        $messages[] = ['to' => $ids] + $fields();
        if ($is_switched) {
            restore_previous_locale();
        }
    }
    return $messages;
}

/** @return int[] the users whom @login in the text names */
function mentioned($html)
{
    preg_match_all('~(?<![\w.@/-])@([\w][\w.-]{0,59})~u', plain($html), $found);
    $logins = array_slice(array_unique(array_map(function ($login) {
        return rtrim($login, '.-');
    }, $found[1])), 0, MENTIONS_MAX);
    return $logins ? array_map('intval', get_users(['login__in' => $logins, 'fields' => 'ID'])) : [];
}

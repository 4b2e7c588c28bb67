<?php
// SPDX-License-Identifier: MIT
// privacy.php - a user who is deleted is forgotten by Doorbell too; WordPress's tools for personal data export and erase what it has.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const EXPORT_PART = 500; // messages

add_action('deleted_user', __NAMESPACE__ . '\privacy_deleted_user', 10, 1);
add_action('wpmu_delete_user', __NAMESPACE__ . '\erase_user', 10, 1);
add_filter('wp_privacy_personal_data_exporters', __NAMESPACE__ . '\privacy_exporters');
add_filter('wp_privacy_personal_data_erasers', __NAMESPACE__ . '\privacy_erasers');
add_action('admin_init', __NAMESPACE__ . '\privacy_policy');

/** In a network the user may be of other sites still; wpmu_delete_user is the end. */
function privacy_deleted_user($user_id)
{
    if (!is_multisite()) {
        erase_user($user_id);
    }
}

/** @return bool|null whether there was something; null if Doorbell fails, and then it is done later */
function erase_user($user_id, $tries = 0)
{
    $answer = attempt(function ($bell) use ($user_id) {
        return $bell->call('DELETE', '/users?user=' . user_id($user_id));
    });
    if ($answer === null) {
        later('erase', (int) $user_id, $tries);
        return null;
    }
    return is_array($answer) && $answer['erased'];
}

function privacy_exporters($exporters)
{
    $exporters['doorbell'] = ['exporter_friendly_name' => __('Doorbell', 'doorbell'), 'callback' => __NAMESPACE__ . '\privacy_export'];
    return $exporters;
}

function privacy_erasers($erasers)
{
    $erasers['doorbell'] = ['eraser_friendly_name' => __('Doorbell', 'doorbell'), 'callback' => __NAMESPACE__ . '\privacy_erase'];
    return $erasers;
}

function privacy_export($email, $page = 1)
{
    $user = get_user_by('email', $email);
    $known = $user ? attempt(function ($bell) use ($user) {
        return $bell->call('GET', '/users?user=' . user_id($user->ID));
    }) : false;
    if ($known === null) {
        return new \WP_Error('doorbell', __('Doorbell did not reply: see Settings, Doorbell, and try again', 'doorbell'));
    }
    $messages = is_array($known) ? $known['messages'] : [];
    $part = array_slice($messages, ($page - 1) * EXPORT_PART, EXPORT_PART);
    return ['data' => array_map(__NAMESPACE__ . '\privacy_item', $part), 'done' => count($messages) <= $page * EXPORT_PART];
}

function privacy_item(array $message)
{
    $fields = [
        __('Date', 'doorbell') => gmdate('Y-m-d H:i:s', $message['created_at']), __('Title', 'doorbell') => $message['title'],
        __('Text', 'doorbell') => $message['body'], __('From', 'doorbell') => $message['sender'], __('Link', 'doorbell') => $message['url'],
        __('Read', 'doorbell') => $message['read'] ? __('yes', 'doorbell') : __('no', 'doorbell'),
    ];
    $data = [];
    foreach (array_filter($fields) as $name => $value) {
        $data[] = ['name' => $name, 'value' => $value];
    }
    return ['group_id' => 'doorbell', 'group_label' => __('Messages', 'doorbell'), 'item_id' => "doorbell-$message[id]", 'data' => $data];
}

function privacy_erase($email, $page = 1)
{
    $user = get_user_by('email', $email);
    $erased = $user ? erase_user($user->ID) : false;
    if ($user) {
        roles_note($user->ID); // whoever stays is told of what comes
    }
    $failed = __('Doorbell did not reply; the messages are erased as soon as it does', 'doorbell');
    return ['items_removed' => (bool) $erased, 'items_retained' => $erased === null, 'messages' => $erased === null ? [$failed] : [], 'done' => true];
}

function privacy_policy()
{
    if (function_exists('wp_add_privacy_policy_content')) {
        wp_add_privacy_policy_content('Doorbell', '<p>' . esc_html__('This site keeps the messages that it sends you about comments, mentions, posts and orders, and whether you have read them, in its own Doorbell. While you are logged in, a cookie named doorbell_token, which no script can read, tells Doorbell who you are.', 'doorbell') . '</p>');
    }
}

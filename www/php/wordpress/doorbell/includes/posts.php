<?php
// SPDX-License-Identifier: MIT
// posts.php - a post that is published rings the roles that the settings name, one message a role, and the users whom it mentions.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const FORGET_MAX = 200; // comments of a post that was taken back, at once; the rest follows

add_action('transition_post_status', __NAMESPACE__ . '\post_changed', 10, 3);
add_action('before_delete_post', __NAMESPACE__ . '\post_forget', 10, 1);

/** Only where it comes or goes: an old post that is edited is no news. */
function post_changed($new, $old, $post)
{
    $shown = ['publish', 'private'];
    if (($new === 'publish') !== ($old === 'publish')) {
        post_settle($post->ID);
    }
    if (in_array($old, $shown, true) && !in_array($new, $shown, true)) {
        post_forget_comments($post->ID);
    }
}

function post_forget($post_id)
{
    forget('post', $post_id);
}

function post_forget_comments($post_id)
{
    if (in_array(get_post_status($post_id), ['publish', 'private'], true)) {
        return; // it is there again
    }
    $ids = get_comments(['post_id' => $post_id, 'status' => 'any', 'fields' => 'ids', 'number' => FORGET_MAX, 'meta_key' => SENT]);
    foreach ($ids as $id) {
        forget('comment', $id);
    }
    if (count($ids) === FORGET_MAX) {
        later('comments of post', $post_id);
    }
}

function post_settle($post_id, $tries = 0)
{
    $post = get_post($post_id);
    if (!$post || defined('WP_IMPORTING') || !in_array($post->post_type, post_types(), true)) {
        return;
    }
    $wanted = $post->post_status === 'publish' && $post->post_password === '' ? 'publish' : '';
    settle('post', $post->ID, $wanted, function () use ($post) {
        return post_messages($post);
    }, $tries);
}

/** @return string[] the types whose posts ring */
function post_types()
{
    return (array) apply_filters('doorbell_post_types', ['post']);
}

function post_messages($post)
{
    $fields = function ($category, $format) use ($post) {
        $author = get_the_author_meta('display_name', $post->post_author);
        return [
            'title' => title_of($format, [$author, $post->post_title]),
            'body' => body_of($post->post_excerpt === '' ? $post->post_content : $post->post_excerpt),
            'sender' => title_of('%s', [$author]), 'url' => get_permalink($post), 'category' => $category,
            'subject_type' => 'post', 'subject_id' => get_current_blog_id() . "-$post->ID",
        ];
    };
    $messages = [];
    if (is_told('mentions')) {
        $users = array_diff(mentioned($post->post_content), [(int) $post->post_author]);
        $messages = in_languages($users, function () use ($fields) {
            /* translators: 1: name of the author, 2: title of the post */
            return $fields('mentions', __('%1$s mentioned you in “%2$s”', 'doorbell'));
        });
    }
    $to_roles = is_told('posts') ? to_roles(setting('roles'), function () use ($fields) {
        /* translators: 1: name of the author, 2: title of the post */
        return $fields('posts', __('New post by %1$s: %2$s', 'doorbell'));
    }, $post->post_author) : [];
    return array_merge($messages, $to_roles);
}

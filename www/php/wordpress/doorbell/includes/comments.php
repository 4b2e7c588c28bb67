<?php
// SPDX-License-Identifier: MIT
// comments.php - an approved comment rings the author of the comment that it replies to, the users whom it mentions, and the post's
// author, each once; one that awaits moderation rings those who can approve it.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const COMMENT_AGE_MAX = 2592000; // seconds: what is older and restored is no news

add_action('wp_insert_comment', __NAMESPACE__ . '\comment_settle', 10, 1);
add_action('transition_comment_status', __NAMESPACE__ . '\comment_changed', 10, 3);
add_action('delete_comment', __NAMESPACE__ . '\comment_forget', 10, 1);

function comment_changed($new, $old, $comment)
{
    comment_settle($comment->comment_ID);
}

function comment_forget($comment_id)
{
    forget('comment', $comment_id);
}

function comment_settle($comment_id, $tries = 0)
{
    $comment = get_comment($comment_id);
    if (!$comment || defined('WP_IMPORTING') || !in_array($comment->comment_type, ['', 'comment', 'review'], true)) {
        return;
    }
    $post = get_post($comment->comment_post_ID);
    $wanted = comment_wanted($comment, $post);
    settle('comment', $comment->comment_ID, $wanted, function () use ($comment, $post, $wanted) {
        return $wanted === 'approved' ? comment_messages($comment, $post) : moderation_messages($comment, $post);
    }, $tries);
}

/** The state for which it rings: "approved", "unapproved", or '' for none. */
function comment_wanted($comment, $post)
{
    if (!$post || !in_array(get_post_status($post), ['publish', 'private'], true)) {
        return '';
    }
    $status = wp_get_comment_status($comment);
    $is_news = time() - strtotime("$comment->comment_date_gmt UTC") < COMMENT_AGE_MAX;
    return $is_news && in_array($status, ['approved', 'unapproved'], true) ? $status : '';
}

function comment_messages($comment, $post)
{
    $parent = $comment->comment_parent ? get_comment($comment->comment_parent) : null;
    $told = [(int) $comment->user_id]; // nobody hears of their own, nor twice
    $messages = [];
    $tell = function ($category, array $users, $format) use ($comment, $post, &$told, &$messages) {
        $users = array_filter(array_diff($users, $told), function ($user) use ($post) {
            return may_read($user, $post);
        });
        $told = array_merge($told, $users);
        if (is_told($category)) {
            $messages = array_merge($messages, in_languages($users, function () use ($category, $format, $comment, $post) {
                return comment_fields($category, $format(), get_comment_link($comment), $comment, $post);
            }));
        }
    };
    $tell('replies', $parent ? [(int) $parent->user_id] : [], function () {
        /* translators: 1: name of the person who commented, 2: title of the post */
        return __('%1$s replied to you on “%2$s”', 'doorbell');
    });
    $tell('mentions', mentioned($comment->comment_content), function () {
        /* translators: 1: name of the person who commented, 2: title of the post */
        return __('%1$s mentioned you in a comment on “%2$s”', 'doorbell');
    });
    $tell('comments', [(int) $post->post_author], function () {
        /* translators: 1: name of the person who commented, 2: title of the post */
        return __('%1$s commented on “%2$s”', 'doorbell');
    });
    return $messages;
}

/** By the groups of the roles that moderate, and the author, where that role is none of these. */
function moderation_messages($comment, $post)
{
    if (!is_told('moderation')) {
        return [];
    }
    $fields = function () use ($comment, $post) {
        $url = admin_url("comment.php?action=approve&c=$comment->comment_ID");
        /* translators: 1: name of the person who commented, 2: title of the post */
        return comment_fields('moderation', __('A comment by %1$s on “%2$s” awaits moderation', 'doorbell'), $url, $comment, $post);
    };
    $roles = roles_that('moderate_comments');
    $messages = to_roles($roles, $fields);
    $author = get_userdata($post->post_author);
    if ($author && !array_intersect($author->roles, $roles) && user_can($author->ID, 'edit_comment', $comment->comment_ID)) {
        $messages = array_merge($messages, in_languages([$author->ID], $fields));
    }
    return $messages;
}

function comment_fields($category, $format, $url, $comment, $post)
{
    $name = plain($comment->comment_author) === '' ? __('Anonymous', 'doorbell') : $comment->comment_author;
    return [
        'title' => title_of($format, [$name, $post->post_title]), 'body' => body_of($comment->comment_content),
        'sender' => title_of('%s', [$name]), 'url' => $url, 'category' => $category,
        'subject_type' => 'comment', 'subject_id' => get_current_blog_id() . "-$comment->comment_ID",
    ];
}

/** What is public everybody may read, members of the site or not; a password only those know for certain who can change it. */
function may_read($user, $post)
{
    if ($user <= 0 || $post->post_password !== '') {
        return $user > 0 && user_can($user, 'edit_post', $post->ID);
    }
    return get_post_status($post) === 'publish' || user_can($user, 'read_post', $post->ID);
}

<?php
// SPDX-License-Identifier: MIT
// page.php - the page: its cookie with the token, the bell in the admin bar, the page with all messages. PHP asks Doorbell for
// nothing while it makes a page; once open, the page talks to Doorbell alone.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

add_action('set_logged_in_cookie', __NAMESPACE__ . '\page_log_in', 10, 4);
add_action('clear_auth_cookie', __NAMESPACE__ . '\page_log_out');
add_action('init', __NAMESPACE__ . '\page_cookie');
add_action('login_footer', __NAMESPACE__ . '\page_logged_out');
add_action('after_password_reset', __NAMESPACE__ . '\page_password_reset', 10, 1);
add_action('profile_update', __NAMESPACE__ . '\page_profile_update', 10, 2);
add_action('admin_bar_menu', __NAMESPACE__ . '\page_admin_bar', 5);
add_action('admin_menu', __NAMESPACE__ . '\page_menu');
add_action('wp_enqueue_scripts', __NAMESPACE__ . '\page_scripts');
add_action('admin_enqueue_scripts', __NAMESPACE__ . '\page_scripts');
add_action('login_enqueue_scripts', __NAMESPACE__ . '\page_scripts');

function page_log_in($cookie, $expire, $expiration, $user_id)
{
    attempt(function ($bell) use ($user_id) {
        $bell->login(user_id($user_id));
    });
}

function page_log_out()
{
    try {
        bell()->logout();
    } catch (\DoorbellError $error) {
        note_failure($error->getMessage());
    }
}

/** The page after the log-out finds nobody logged in, and so all other tabs know at once. */
function page_logged_out()
{
    if (!empty($_GET['loggedout'])) {
        wp_enqueue_script('doorbell');
        echo '<doorbell-inbox hidden></doorbell-inbox>';
    }
}

/** Renews the token at half its life. A page of nobody stays as it is, as caches want it, unless a cookie was left. */
function page_cookie()
{
    if (wp_doing_cron() || headers_sent()) {
        return;
    }
    if (!is_user_logged_in()) {
        if (array_intersect_key($_COOKIE, [\Doorbell::COOKIE => 1, '__Host-' . \Doorbell::COOKIE => 1])) {
            page_log_out();
        }
        return;
    }
    attempt(function ($bell) {
        if (!$bell->cookie(user_id(get_current_user_id()))) {
            note_failure(__('a page had no token; the line before this one in the log of PHP says why', 'doorbell'), true);
        }
    });
}

/** A new password makes the tokens void that were given for the old one. */
function page_password_reset($user)
{
    attempt(function ($bell) use ($user) {
        return $bell->revoke(user_id($user->ID));
    });
}

function page_profile_update($user_id, $before)
{
    $user = get_userdata($user_id);
    if ($user->user_pass !== $before->user_pass) {
        page_password_reset($user);
    }
}

/** @return string where all messages are */
function page_of_messages()
{
    return (string) apply_filters('doorbell_messages_url', admin_url('index.php?page=doorbell-messages'));
}

function page_admin_bar($bar)
{
    if (is_user_logged_in() && setting('admin_bar')) {
        $bar->add_node(['id' => 'doorbell', 'parent' => 'top-secondary', 'title' => bell_tag(['theme' => 'light'])]);
    }
}

function page_menu()
{
    $title = __('Messages', 'doorbell');
    add_dashboard_page($title, $title, 'read', 'doorbell-messages', function () use ($title) {
        echo '<div class="wrap"><h1>', esc_html($title), '</h1>', list_tag(), '</div>'; // phpcs:ignore WordPress.Security.EscapeOutput -- list_tag() escapes
    });
}

function page_scripts()
{
    $src = defined('DOORBELL_SCRIPT') ? DOORBELL_SCRIPT : '/doorbell.min.js';
    wp_register_script('doorbell', $src, [], null, true);
    wp_add_inline_script('doorbell', page_words());
    wp_register_style('doorbell', false, ['admin-bar'], VERSION);
    wp_add_inline_style('doorbell', '#wpadminbar doorbell-inbox { display: block; min-width: 34px; height: 32px; --doorbell-font: 13px/1.4 sans-serif }'
        . ' #wpadminbar doorbell-inbox::part(bell) { height: 100% }'
        . ' #wp-admin-bar-doorbell > .ab-item { padding: 0 4px !important }'
        . ' @media screen and (max-width: 782px) { #wpadminbar #wp-admin-bar-doorbell { display: block }'
        . ' #wpadminbar doorbell-inbox { height: 46px; --doorbell-font: 17px/1.4 sans-serif } }');
    if (is_admin_bar_showing() && setting('admin_bar')) {
        wp_enqueue_script('doorbell');
        wp_enqueue_style('doorbell');
    }
}

/** @return string a script: categories by their names in the user's language; elements that are there already take them by a move */
function page_words()
{
    return sprintf(
        '(function (lang, words) {'
        . ' (lang === "zh" ? ["zh-CN", "zh-TW"] : [lang]).forEach(function (one) { Doorbell.addWords(one, words); });'
        . ' document.querySelectorAll("doorbell-inbox, doorbell-list").forEach(function (one) { one.parentNode.insertBefore(one, one.nextSibling); });'
        . ' })(document.documentElement.lang.split("-")[0] || "en", %s);',
        wp_json_encode(['categories' => categories()])
    );
}

<?php
// SPDX-License-Identifier: MIT
// blocks.php - the bell and the list of messages in a page: as blocks, which are widgets too, and as shortcodes.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

add_action('init', __NAMESPACE__ . '\blocks_register');
add_shortcode('doorbell_bell', __NAMESPACE__ . '\bell_shortcode');
add_shortcode('doorbell_list', __NAMESPACE__ . '\list_shortcode');

function blocks_register()
{
    if (!function_exists('register_block_type')) {
        return;
    }
    wp_register_script('doorbell-blocks', plugins_url('js/blocks.js', PLUGIN_FILE), ['wp-blocks', 'wp-element', 'wp-i18n'], VERSION, true);
    wp_set_script_translations('doorbell-blocks', 'doorbell', dirname(PLUGIN_FILE) . '/languages');
    foreach (['bell', 'list'] as $name) {
        register_block_type("doorbell/$name", [
            'editor_script' => 'doorbell-blocks', 'render_callback' => __NAMESPACE__ . "\\{$name}_shortcode",
        ]);
    }
}

/** Nobody who is not logged in has a bell. */
function bell_shortcode()
{
    if (!is_user_logged_in()) {
        return '';
    }
    wp_enqueue_script('doorbell');
    return bell_tag();
}

function list_shortcode()
{
    if (!is_user_logged_in()) {
        $link = sprintf('<a href="%s">%s</a>', esc_url(wp_login_url(get_permalink())), esc_html__('Log in to see your messages', 'doorbell'));
        return "<p>$link</p>";
    }
    wp_enqueue_script('doorbell');
    return list_tag();
}

/** The element as HTML; what the page of messages is, and what the site adds by its filter, are its attributes. */
function bell_tag(array $attributes = [])
{
    $attributes += ['href' => page_of_messages(), 'num' => null]; // the page asks for the number by itself
    try {
        return bell()->inbox_tag(user_id(get_current_user_id()), (array) apply_filters('doorbell_attributes', $attributes));
    } catch (\DoorbellError $error) {
        note_failure($error->getMessage());
        return '';
    }
}

function list_tag()
{
    $shared = array_flip(['api', 'relay', 'events', 'sound', 'theme', 'lang', 'desktop']);
    $attributes = ['login' => wp_login_url()] + array_intersect_key((array) apply_filters('doorbell_attributes', []), $shared);
    $text = '';
    foreach ($attributes as $name => $value) {
        $text .= " $name=\"" . esc_attr($value) . '"';
    }
    return "<doorbell-list$text></doorbell-list>";
}

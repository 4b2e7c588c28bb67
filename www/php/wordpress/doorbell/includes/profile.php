<?php
// SPDX-License-Identifier: MIT
// profile.php - on the profile, which categories a user wants to hear of: Doorbell's preferences, of which WordPress keeps no copy.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

add_action('show_user_profile', __NAMESPACE__ . '\profile_show');
add_action('edit_user_profile', __NAMESPACE__ . '\profile_show');
add_action('personal_options_update', __NAMESPACE__ . '\profile_save');
add_action('edit_user_profile_update', __NAMESPACE__ . '\profile_save');

/** @return array category => name: what this user could hear of */
function profile_categories($user_id)
{
    return array_filter(categories(), function ($category) use ($user_id) {
        return is_told($category) && ($category !== 'moderation' || user_can($user_id, 'moderate_comments'));
    }, ARRAY_FILTER_USE_KEY);
}

/** @return string[]|null null where it is not to be had */
function profile_muted($user_id)
{
    $answer = attempt(function ($bell) use ($user_id) {
        return $bell->call_as(user_id($user_id), 'GET', '/preferences');
    });
    return is_array($answer) ? $answer['muted'] : null;
}

function profile_show($user)
{
    $muted = profile_muted($user->ID);
    echo '<h2>', esc_html__('Messages', 'doorbell'), '</h2><table class="form-table" role="presentation"><tr><th>',
        esc_html__('Ring for', 'doorbell'), '</th><td>';
    if ($muted === null) {
        echo '<p>', esc_html__('Your choices cannot be shown now. Try again later.', 'doorbell'), '</p></td></tr></table>';
        return;
    }
    wp_nonce_field("doorbell_profile_$user->ID", 'doorbell_nonce', false);
    echo '<fieldset><legend class="screen-reader-text">', esc_html__('Ring for', 'doorbell'), '</legend>';
    foreach (profile_categories($user->ID) as $category => $name) {
        printf('<label><input type="checkbox" name="doorbell_ring[]" value="%s" %s> %s</label><br>', esc_attr($category),
            checked(!in_array($category, $muted, true), true, false), esc_html($name));
    }
    echo '</fieldset></td></tr></table>';
}

function profile_save($user_id)
{
    if (!isset($_POST['doorbell_nonce']) || !current_user_can('edit_user', $user_id)
        || !wp_verify_nonce(sanitize_key($_POST['doorbell_nonce']), "doorbell_profile_$user_id")) {
        return;
    }
    $wanted = isset($_POST['doorbell_ring']) ? array_map('sanitize_key', (array) wp_unslash($_POST['doorbell_ring'])) : [];
    $offered = array_keys(profile_categories($user_id));
    $before = profile_muted($user_id);
    if ($before === null) {
        return;
    }
    // What other programs have muted stays so.
    $muted = array_values(array_unique(array_merge(array_diff($before, $offered), array_diff($offered, $wanted))));
    if (array_diff($muted, $before) || array_diff($before, $muted)) {
        attempt(function ($bell) use ($user_id, $muted) {
            profile_make_categories($bell, $muted);
            return $bell->call_as(user_id($user_id), 'PUT', '/preferences', ['muted' => $muted]);
        });
    }
}

/** One that no message has named yet cannot be muted. */
function profile_make_categories($bell, array $wanted)
{
    $answer = $bell->call('GET', '/categories');
    foreach (array_diff($wanted, array_column($answer['categories'], 'name')) as $category) {
        $bell->call('PUT', '/categories/' . rawurlencode($category), ['critical' => false]);
    }
}

<?php
// SPDX-License-Identifier: MIT
// settings.php - the settings page: what rings and for whom. The address and the keys are in wp-config.php, not in the database.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

add_action('admin_init', __NAMESPACE__ . '\settings_register');
add_action('admin_menu', __NAMESPACE__ . '\settings_menu');
add_filter('plugin_action_links_' . plugin_basename(PLUGIN_FILE), __NAMESPACE__ . '\settings_link');

/** Options that are missing would cost each page a question to the database. */
function activate()
{
    add_option('doorbell', []);
    add_option(FAILURE, '');
    roles_schedule();
}

/** As saved, or as before the first saving: all is told, new posts to subscribers. */
function setting($name)
{
    $settings = (array) get_option('doorbell', []) + ['told' => null, 'roles' => ['subscriber'], 'admin_bar' => true];
    return $settings[$name];
}

/** Whether the site sends messages of this category. */
function is_told($category)
{
    $told = setting('told');
    return $told === null || in_array($category, $told, true);
}

function settings_register()
{
    register_setting('doorbell', 'doorbell', ['type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\settings_sanitize']);
}

function settings_sanitize($input)
{
    $input = (array) $input + ['told' => [], 'roles' => [], 'admin_bar' => false];
    return [
        'told' => array_values(array_intersect(array_keys(categories()), (array) $input['told'])),
        'roles' => array_values(array_intersect(array_keys(wp_roles()->roles), (array) $input['roles'])),
        'admin_bar' => (bool) $input['admin_bar'],
    ];
}

function settings_menu()
{
    add_options_page('Doorbell', 'Doorbell', 'manage_options', 'doorbell', __NAMESPACE__ . '\settings_page');
}

function settings_link($links)
{
    $link = sprintf('<a href="%s">%s</a>', esc_url(admin_url('options-general.php?page=doorbell')), esc_html__('Settings', 'doorbell'));
    return array_merge([$link], $links);
}

function settings_page()
{
    if (!current_user_can('manage_options')) {
        return;
    }
    echo '<div class="wrap"><h1>Doorbell</h1>';
    settings_failure();
    hops_show();
    echo '<form method="post" action="options.php">';
    settings_fields('doorbell');
    echo '<table class="form-table" role="presentation">';
    $told = array_filter(categories(), __NAMESPACE__ . '\is_told', ARRAY_FILTER_USE_KEY);
    settings_boxes(__('Send messages about', 'doorbell'), 'told', categories(), array_keys($told));
    settings_boxes(__('New posts go to', 'doorbell'), 'roles', array_map('translate_user_role', wp_roles()->role_names), setting('roles'));
    printf('<tr><th>%s</th><td><label><input type="checkbox" name="doorbell[admin_bar]" value="1" %s> %s</label></td></tr>',
        esc_html__('Bell', 'doorbell'), checked(setting('admin_bar'), true, false), esc_html__('in the admin bar', 'doorbell'));
    echo '</table>';
    submit_button();
    echo '</form></div>';
}

function settings_boxes($heading, $name, array $boxes, array $checked)
{
    printf('<tr><th>%s</th><td><fieldset><legend class="screen-reader-text">%1$s</legend>', esc_html($heading));
    foreach ($boxes as $value => $label) {
        printf('<label><input type="checkbox" name="doorbell[%s][]" value="%s" %s> %s</label><br>', esc_attr($name), esc_attr($value),
            checked(in_array((string) $value, $checked, true), true, false), esc_html($label));
    }
    echo '</fieldset></td></tr>';
}

/** The last failure, with its time. */
function settings_failure()
{
    $failure = get_option(FAILURE);
    if (is_array($failure)) {
        /* translators: 1: how long ago, such as "5 minutes", 2: what failed and what to do */
        $text = sprintf(__('Last failure, %1$s ago: %2$s', 'doorbell'), human_time_diff($failure['at']), $failure['text']);
        printf('<div class="notice notice-warning"><p>%s</p></div>', esc_html($text));
    }
}

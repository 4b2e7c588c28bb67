<?php
// SPDX-License-Identifier: MIT
/**
 * Plugin Name: Doorbell
 * Description: Comments, replies, mentions, new posts and orders ring the open pages of the users they concern. An open page asks PHP nothing.
 * Version: 0.1.0
 * Requires at least: 5.0
 * Requires PHP: 5.6
 * License: MIT
 * License URI: https://spdx.org/licenses/MIT.html
 * Text Domain: doorbell
 * Domain Path: /languages
 */

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const VERSION = '0.1.0';
const PLUGIN_FILE = __FILE__;

require_once __DIR__ . '/includes/all.php';

add_action('init', function () {
    load_plugin_textdomain('doorbell', false, dirname(plugin_basename(PLUGIN_FILE)) . '/languages');
});
register_activation_hook(__FILE__, __NAMESPACE__ . '\activate');
register_deactivation_hook(__FILE__, __NAMESPACE__ . '\unschedule_all');

<?php
// SPDX-License-Identifier: MIT
// uninstall.php - removes what the plugin has stored: in WordPress all, in Doorbell the members of the roles' groups. Messages stay
// in the inboxes of their users, who may read them by another way.

namespace Doorbell\WordPress;

defined('WP_UNINSTALL_PLUGIN') || exit;

if (!defined(__NAMESPACE__ . '\PLUGIN_FILE')) {
    define(__NAMESPACE__ . '\PLUGIN_FILE', __DIR__ . '/doorbell.php');
    define(__NAMESPACE__ . '\VERSION', '');
    require_once __DIR__ . '/includes/all.php';
}

function uninstall_site()
{
    roles_empty();
    unschedule_all();
    delete_metadata('comment', 0, SENT, '', true);
    delete_metadata('post', 0, SENT, '', true);
    delete_option('doorbell');
    delete_option(FAILURE);
}

$blogs = is_multisite() ? get_sites(['fields' => 'ids', 'number' => 0]) : [get_current_blog_id()];
foreach ($blogs as $blog) {
    in_blog($blog, __NAMESPACE__ . '\uninstall_site');
}

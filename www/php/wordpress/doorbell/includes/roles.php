<?php
// SPDX-License-Identifier: MIT
// roles.php - each role that messages go to is a group of Doorbell: a message to it is one, however many users have it. Changes are
// passed on at the end of the request; once a day, and when the settings change, all is compared, which makes up for what failed.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

const ROLES_SYNC = 'doorbell_sync_roles';
const ROLES_PART = 5000; // users a call

foreach (['add_user_role', 'remove_user_role', 'set_user_role', 'remove_user_from_blog'] as $hook) {
    add_action($hook, __NAMESPACE__ . '\roles_note', 10, 1);
}
add_action('shutdown', __NAMESPACE__ . '\roles_pass_on');
add_action(ROLES_SYNC, __NAMESPACE__ . '\roles_sync');
add_action('admin_init', __NAMESPACE__ . '\roles_ensure_scheduled');
add_action('update_option_doorbell', __NAMESPACE__ . '\roles_schedule', 10, 0);
add_action('add_option_doorbell', __NAMESPACE__ . '\roles_schedule', 10, 0);

/** @return string[] the names of the roles that have this capability */
function roles_that($capability)
{
    return array_keys(array_filter(wp_roles()->roles, function ($role) use ($capability) {
        return !empty($role['capabilities'][$capability]);
    }));
}

/** @return string[] those that are groups */
function roles_told()
{
    $shop = class_exists('WooCommerce', false) ? roles_that('manage_woocommerce') : [];
    return array_values(array_unique(array_merge(setting('roles'), roles_that('moderate_comments'), $shop)));
}

function group_of($role)
{
    return 'wordpress-' . get_current_blog_id() . "-$role";
}

/** A message for each role, in the language of the site; the user $but does not keep it. */
function to_roles(array $roles, callable $fields, $but = 0)
{
    $user = get_userdata($but);
    $is_switched = switch_to_locale(get_locale());
    $messages = array_map(function ($role) use ($fields, $user) {
        $has_it = $user && in_array($role, $user->roles, true);
        return ['group' => group_of($role)] + $fields() + ($has_it ? ['except' => user_id($user->ID)] : []);
    }, array_values($roles));
    if ($is_switched) {
        restore_previous_locale();
    }
    return $messages;
}

/** @return array by the site's id, the users whose roles have changed in this request */
function &roles_changed()
{
    static $changed = [];
    return $changed;
}

function roles_note($user_id)
{
    $changed = &roles_changed();
    $changed[get_current_blog_id()][(int) $user_id] = true;
}

function roles_pass_on()
{
    $changed = &roles_changed();
    foreach ($changed as $blog => $users) {
        unset($changed[$blog]);
        in_blog($blog, function () use ($users) {
            foreach (roles_told() as $role) {
                roles_change($role, array_keys($users));
            }
        });
    }
}

function in_blog($blog, callable $work)
{
    if ((int) $blog === get_current_blog_id()) {
        return $work();
    }
    switch_to_blog($blog);
    try {
        return $work();
    } finally {
        restore_current_blog();
    }
}

/** Brings the role's group in step with these users. */
function roles_change($role, array $users)
{
    $having = array_map('intval', get_users(['role' => $role, 'include' => $users, 'fields' => 'ID']));
    return attempt(function ($bell) use ($role, $users, $having) {
        $change = ['add' => $having, 'remove' => array_values(array_diff($users, $having))];
        foreach ($change as $what => $ids) {
            $change[$what] = array_map(__NAMESPACE__ . '\user_id', $ids);
        }
        return $bell->call('POST', '/groups/' . rawurlencode(group_of($role)) . '/members', $change);
    });
}

/** For the sites of a network, on which nobody has activated it by hand. */
function roles_ensure_scheduled()
{
    wp_next_scheduled(ROLES_SYNC) || roles_schedule();
}

/** Soon, and then every day. */
function roles_schedule()
{
    wp_clear_scheduled_hook(ROLES_SYNC);
    wp_schedule_event(time(), 'daily', ROLES_SYNC);
}

function roles_sync()
{
    foreach (roles_told() as $role) {
        $offset = 0;
        do {
            $users = get_users(['role' => $role, 'fields' => 'ID', 'orderby' => 'ID', 'number' => ROLES_PART, 'offset' => $offset]);
            if ($users && roles_change($role, array_map('intval', $users)) === null) {
                return; // tomorrow
            }
            $offset += ROLES_PART;
        } while (count($users) === ROLES_PART);
        roles_prune($role);
    }
}

/** Takes out of the group the members who do not have the role. */
function roles_prune($role)
{
    roles_walk($role, function (array $members) use ($role) {
        return roles_change($role, array_map('intval', $members));
    });
}

/** Takes out all. */
function roles_empty()
{
    foreach (roles_told() as $role) {
        roles_walk($role, function (array $members) use ($role) {
            return attempt(function ($bell) use ($role, $members) {
                return $bell->group_remove(group_of($role), $members);
            });
        });
    }
}

/** Calls $work with the members of the role's group, part by part, while it returns something. */
function roles_walk($role, callable $work)
{
    $after = null;
    do {
        $part = attempt(function ($bell) use ($role, $after) {
            return $bell->group_members(group_of($role), $after, ROLES_PART);
        });
        if (!is_array($part) || !$part['members'] || !$work($part['members'])) {
            return;
        }
        $after = $part['next'];
    } while ($after !== null);
}

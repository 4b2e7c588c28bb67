<?php
// SPDX-License-Identifier: MIT
// hops.php - the settings page's test of each hop between PHP, doorbell-app, the relay and this very page. PHP tests its own and
// sends the test's message; js/hops.js tests those of the page, and draws the table.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

add_action('wp_ajax_doorbell_hops', __NAMESPACE__ . '\hops_of_php');
add_action('wp_ajax_doorbell_test_message', __NAMESPACE__ . '\hops_test_message');
add_action('admin_enqueue_scripts', __NAMESPACE__ . '\hops_script');

function hops_script($page)
{
    if ($page !== 'settings_page_doorbell') {
        return;
    }
    wp_enqueue_script('doorbell-hops', plugins_url('js/hops.js', PLUGIN_FILE), [], VERSION, true);
    $attributes = (array) apply_filters('doorbell_attributes', []) + ['api' => '/doorbell', 'relay' => '/ws'];
    wp_localize_script('doorbell-hops', 'doorbellHops', [
        'ajax' => admin_url('admin-ajax.php'), 'nonce' => wp_create_nonce('doorbell_hops'), 'user' => user_id(get_current_user_id()),
        'api' => $attributes['api'], 'relay' => $attributes['relay'], 'texts' => hops_texts(),
    ]);
}

function hops_texts()
{
    return [
        'ok' => __('works', 'doorbell'), 'failed' => __('broken', 'doorbell'), 'skipped' => __('not tested: the hop before it is broken', 'doorbell'),
        'wordpress' => __('WordPress did not answer: reload this page', 'doorbell'),
        'key' => __('Key', 'doorbell'), 'app' => __('PHP → doorbell-app', 'doorbell'), 'send' => __('Right to send', 'doorbell'),
        'token' => __('Token', 'doorbell'), 'page' => __('Page → doorbell-app', 'doorbell'), 'cookie' => __('Cookie', 'doorbell'),
        'origin' => __('Origin', 'doorbell'), 'relay' => __('Page → relay', 'doorbell'), 'ring' => __('doorbell-app → relay', 'doorbell'),
        'pageAdvice' => __('This page cannot reach the API. Include Doorbell’s doorbell.conf in this site’s server of nginx or Apache, and check that doorbell-app runs.', 'doorbell'),
        'cookieAdvice' => __('The page has no valid token. Log out and in again; if that does not help: DOORBELL_SECRET_FILE must be the auth.secret of doorbell-app, DOORBELL_COOKIE_DOMAIN must suit this host, and no proxy may drop the cookie doorbell_token.', 'doorbell'),
        /* translators: %s: the origin, such as https://example.org */
        'originAdvice' => sprintf(__('doorbell-app takes no clicks from this page. Add %s to [auth] origins in doorbell.conf, and restart both programs.', 'doorbell'), '%s'),
        'relayAdvice' => __('This page cannot reach the relay. Check that doorbell-relay runs, that the web server passes /ws to it, and that [auth] origins names this site.', 'doorbell'),
        'ringAdvice' => __('A message was stored, but no ring came. Check that [app] relay_url is the address of [relay] publish_listen, and that both programs have the same publish.key.', 'doorbell'),
    ];
}

function hops_show()
{
    echo '<h2>', esc_html__('Is everything connected?', 'doorbell'), '</h2><table class="widefat striped" id="doorbell-hops" style="max-width: 60em"><tbody></tbody></table>',
        '<p><button type="button" class="button" id="doorbell-test">', esc_html__('Test again', 'doorbell'), '</button></p>';
}

function hops_check_request()
{
    check_ajax_referer('doorbell_hops', 'nonce');
    if (!current_user_can('manage_options')) {
        wp_send_json_error(null, 403);
    }
}

/** [{hop, text}]: each that works without a text, up to the first that is broken. */
function hops_of_php()
{
    hops_check_request();
    $results = [];
    foreach (hops_tests() as $hop => $test) {
        $text = hops_try($test);
        $results[] = ['hop' => $hop, 'text' => $text];
        if ($text !== '') {
            break;
        }
    }
    wp_send_json_success($results);
}

function hops_tests()
{
    return [
        'key' => function () {
            $file = defined('DOORBELL_KEY_FILE') ? DOORBELL_KEY_FILE : '/etc/doorbell/send.key';
            return is_readable($file) ? '' : sprintf(
                /* translators: %s: path of a file */
                __('PHP cannot read %s. Let its group read it, as deploy/README.md does, or name another in wp-config.php: define(\'DOORBELL_KEY_FILE\', …);', 'doorbell'), $file);
        },
        'app' => function ($bell) {
            try {
                $bell->call('GET', '/health');
            } catch (\DoorbellError $error) {
                return in_array($error->reason, ['unauthorized', 'forbidden'], true) ? '' : $error->getMessage(); // it is there
            }
        },
        'send' => function ($bell) {
            $bell->send([], 'Doorbell'); // to nobody: stores nothing
            $bell->call('GET', '/categories');
        },
        'token' => function ($bell) {
            $bell->unread(user_id(get_current_user_id()));
        },
    ];
}

/** @return string what is wrong and what to do; '' if nothing is */
function hops_try(callable $test)
{
    try {
        return (string) $test(bell());
    } catch (\DoorbellError $error) {
        return $error->getMessage();
    }
}

/** Rings this page, and leaves nothing. */
function hops_test_message()
{
    hops_check_request();
    $text = hops_try(function ($bell) {
        $sent = $bell->send(user_id(get_current_user_id()), __('A test of Doorbell', 'doorbell'), ['expires_in' => 60]);
        $bell->recall($sent['id']);
    });
    wp_send_json_success($text);
}

<?php
// SPDX-License-Identifier: MIT
// orders.php - orders of WooCommerce, where that is installed: the customer hears of the order's state, and the roles that manage the
// shop of new ones. The last state replaces those before it that were not read.

namespace Doorbell\WordPress;

defined('ABSPATH') || exit;

add_action('woocommerce_order_status_changed', __NAMESPACE__ . '\order_changed', 10, 4);
add_action('woocommerce_checkout_order_processed', __NAMESPACE__ . '\order_placed', 10, 3);

function order_changed($order_id, $from, $to, $order)
{
    $customer = (int) $order->get_customer_id();
    if ($customer && is_told('orders')) {
        order_send(in_languages([$customer], function () use ($order, $to) {
            $state = function_exists('wc_get_order_status_name') ? wc_get_order_status_name($to) : $to;
            /* translators: 1: number of the order, 2: its state, such as "Completed" */
            $title = title_of(__('Order %1$s: %2$s', 'doorbell'), [$order->get_order_number(), $state]);
            return order_fields($order, $title, $order->get_view_order_url());
        }));
    }
}

function order_placed($order_id, $posted, $order)
{
    if (is_told('orders')) {
        order_send(to_roles(roles_that('manage_woocommerce'), function () use ($order) {
            /* translators: %s: number of the order */
            $title = title_of(__('New order %s', 'doorbell'), [$order->get_order_number()]);
            return order_fields($order, $title, $order->get_edit_order_url());
        }));
    }
}

function order_fields($order, $title, $url)
{
    return [
        'title' => $title, 'url' => $url, 'category' => 'orders', 'replace' => true,
        'subject_type' => 'order', 'subject_id' => get_current_blog_id() . '-' . $order->get_id(),
    ];
}

function order_send(array $messages)
{
    foreach ($messages as $message) {
        attempt(function ($bell) use ($message) {
            return $bell->call('POST', '/messages', $message);
        });
    }
}

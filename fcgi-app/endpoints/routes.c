/* SPDX-License-Identifier: MIT */
#include "fcgi-app/endpoints/routes.h"

#include "fcgi-app/endpoints/endpoint.h"

enum {
    SMALL_BODY_MAX = 64 * 1024,
    TEXTS_BODY_MAX = 1024 * 1024,
    BIG_BODY_MAX = ROUTES_BODY_MAX,
};

static const struct route routes[] = {
    /* clang-format off */
    /* method, path, access, share, body max, handler, and whether it is a broadcast after all */
    {METHOD_POST, "/messages", ACCESS_SEND, SHARE_SERVICE, BIG_BODY_MAX, endpoint_send_message, endpoint_is_broadcast},
    {METHOD_POST, "/messages/batch", ACCESS_SEND, SHARE_SERVICE, BIG_BODY_MAX, endpoint_send_batch, endpoint_is_batch_broadcast},
    {METHOD_GET, "/unread", ACCESS_USER, SHARE_CHECK, 0, endpoint_check_unread, NULL},
    {METHOD_GET, "/messages", ACCESS_USER, SHARE_READ, 0, endpoint_list_messages, NULL},
    {METHOD_POST, "/messages/read", ACCESS_USER, SHARE_WRITE, SMALL_BODY_MAX, endpoint_mark_many_read, NULL},
    {METHOD_POST, "/messages/unread", ACCESS_USER, SHARE_WRITE, SMALL_BODY_MAX, endpoint_mark_many_unread, NULL},
    {METHOD_POST, "/messages/archive", ACCESS_USER, SHARE_WRITE, SMALL_BODY_MAX, endpoint_archive_many, NULL},
    {METHOD_POST, "/messages/delete", ACCESS_USER, SHARE_WRITE, SMALL_BODY_MAX, endpoint_remove_many, NULL},
    {METHOD_GET, "/messages/{id}", ACCESS_USER, SHARE_READ, 0, endpoint_show_message, NULL},
    {METHOD_DELETE, "/messages/{id}", ACCESS_USER, SHARE_WRITE, 0, endpoint_remove_message, NULL},
    {METHOD_POST, "/messages/{id}/read", ACCESS_USER, SHARE_WRITE, 0, endpoint_mark_message_read, NULL},
    {METHOD_POST, "/messages/{id}/unread", ACCESS_USER, SHARE_WRITE, 0, endpoint_mark_message_unread, NULL},
    {METHOD_POST, "/messages/{id}/archive", ACCESS_USER, SHARE_WRITE, 0, endpoint_archive_message, NULL},
    {METHOD_POST, "/messages/{id}/ack", ACCESS_USER, SHARE_WRITE, 0, endpoint_acknowledge_message, NULL},
    {METHOD_GET, "/broadcasts/{id}", ACCESS_CAPABILITY, SHARE_TEXT, 0, endpoint_show_broadcast, NULL},
    {METHOD_POST, "/seen", ACCESS_USER, SHARE_WRITE, SMALL_BODY_MAX, endpoint_mark_seen, NULL},
    {METHOD_GET, "/preferences", ACCESS_USER, SHARE_READ, 0, endpoint_show_preferences, NULL},
    {METHOD_PUT, "/preferences", ACCESS_USER, SHARE_WRITE, SMALL_BODY_MAX, endpoint_change_preferences, NULL},
    {METHOD_GET, "/messages/{id}/explain", ACCESS_STATISTICS, SHARE_SERVICE, 0, endpoint_explain_message, NULL},
    {METHOD_GET, "/sent/{id}", ACCESS_STATISTICS, SHARE_SERVICE, 0, endpoint_show_sent, NULL},
    {METHOD_DELETE, "/sent/{id}", ACCESS_MANAGE, SHARE_BROADCAST, 0, endpoint_recall_sent, NULL},
    {METHOD_DELETE, "/sent", ACCESS_MANAGE, SHARE_BROADCAST, 0, endpoint_recall_many, NULL},
    {METHOD_GET, "/groups/{group}/members", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_list_members, NULL},
    {METHOD_POST, "/groups/{group}/members", ACCESS_MANAGE, SHARE_SERVICE, BIG_BODY_MAX, endpoint_change_members, NULL},
    {METHOD_PUT, "/groups/{group}/members/{user}", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_add_member, NULL},
    {METHOD_DELETE, "/groups/{group}/members/{user}", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_remove_member, NULL},
    {METHOD_GET, "/categories", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_list_categories, NULL},
    {METHOD_PUT, "/categories/{name}", ACCESS_MANAGE, SHARE_BROADCAST, TEXTS_BODY_MAX, endpoint_change_category, NULL},
    {METHOD_DELETE, "/categories/{name}", ACCESS_MANAGE, SHARE_BROADCAST, 0, endpoint_remove_category, NULL},
    {METHOD_GET, "/webhooks/failed", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_list_webhook_calls, NULL},
    {METHOD_POST, "/webhooks/failed/{id}/retry", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_retry_webhook_call, NULL},
    {METHOD_GET, "/users/{user}", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_export_user, NULL},
    {METHOD_DELETE, "/users/{user}", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_erase_user, NULL},
    {METHOD_GET, "/users", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_export_user, NULL},
    {METHOD_DELETE, "/users", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_erase_user, NULL},
    {METHOD_POST, "/users/{user}/revoke", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_revoke_tokens, NULL},
    {METHOD_POST, "/revoke", ACCESS_MANAGE, SHARE_SERVICE, 0, endpoint_revoke_tokens, NULL},
    {METHOD_POST, "/tokens", ACCESS_MANAGE, SHARE_SERVICE, SMALL_BODY_MAX, endpoint_make_token, NULL},
    {METHOD_GET, "/health", ACCESS_PUBLIC, SHARE_PUBLIC, 0, endpoint_show_health, NULL},
    {METHOD_GET, "/metrics", ACCESS_METRICS, SHARE_SERVICE, 0, endpoint_show_metrics, NULL},
    /* clang-format on */
};

const struct route *routes_all(size_t *count)
{
    *count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}

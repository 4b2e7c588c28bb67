/* SPDX-License-Identifier: MIT */
#include "fcgi-app/endpoints/routes.h"

#include "fcgi-app/endpoints/endpoint.h"

enum {
    SMALL_BODY_MAX = 64 * 1024,
    BIG_BODY_MAX = ROUTES_BODY_MAX,
};

static const struct route routes[] = {
    /* method       path                      access          body max        handler */
    {METHOD_POST, "/messages", ACCESS_SERVICE, BIG_BODY_MAX, endpoint_send_message},
    {METHOD_GET, "/unread", ACCESS_USER, 0, endpoint_check_unread},
    {METHOD_GET, "/messages", ACCESS_USER, 0, endpoint_list_messages},
    {METHOD_POST, "/messages/read", ACCESS_USER, SMALL_BODY_MAX, endpoint_mark_many_read},
    {METHOD_POST, "/messages/unread", ACCESS_USER, SMALL_BODY_MAX, endpoint_mark_many_unread},
    {METHOD_GET, "/messages/{id}", ACCESS_USER, 0, endpoint_show_message},
    {METHOD_DELETE, "/messages/{id}", ACCESS_USER, 0, endpoint_remove_message},
    {METHOD_POST, "/messages/{id}/read", ACCESS_USER, 0, endpoint_mark_message_read},
    {METHOD_POST, "/messages/{id}/unread", ACCESS_USER, 0, endpoint_mark_message_unread},
    {METHOD_POST, "/messages/{id}/archive", ACCESS_USER, 0, endpoint_archive_message},
    {METHOD_POST, "/messages/{id}/ack", ACCESS_USER, 0, endpoint_acknowledge_message},
    {METHOD_POST, "/seen", ACCESS_USER, SMALL_BODY_MAX, endpoint_mark_seen},
    {METHOD_GET, "/preferences", ACCESS_USER, 0, endpoint_show_preferences},
    {METHOD_PUT, "/preferences", ACCESS_USER, SMALL_BODY_MAX, endpoint_change_preferences},
    {METHOD_GET, "/sent/{id}", ACCESS_SERVICE, 0, endpoint_show_sent},
    {METHOD_DELETE, "/sent/{id}", ACCESS_SERVICE, 0, endpoint_recall_sent},
    {METHOD_GET, "/groups/{group}/members", ACCESS_SERVICE, 0, endpoint_list_members},
    {METHOD_POST, "/groups/{group}/members", ACCESS_SERVICE, BIG_BODY_MAX, endpoint_change_members},
    {METHOD_PUT, "/groups/{group}/members/{user}", ACCESS_SERVICE, 0, endpoint_add_member},
    {METHOD_DELETE, "/groups/{group}/members/{user}", ACCESS_SERVICE, 0, endpoint_remove_member},
    {METHOD_GET, "/categories", ACCESS_SERVICE, 0, endpoint_list_categories},
    {METHOD_PUT, "/categories/{name}", ACCESS_SERVICE, SMALL_BODY_MAX, endpoint_change_category},
    {METHOD_DELETE, "/categories/{name}", ACCESS_SERVICE, 0, endpoint_remove_category},
    {METHOD_GET, "/users/{user}", ACCESS_SERVICE, 0, endpoint_export_user},
    {METHOD_DELETE, "/users/{user}", ACCESS_SERVICE, 0, endpoint_erase_user},
    {METHOD_GET, "/users", ACCESS_SERVICE, 0, endpoint_export_user},
    {METHOD_DELETE, "/users", ACCESS_SERVICE, 0, endpoint_erase_user},
    {METHOD_POST, "/tokens", ACCESS_SERVICE, SMALL_BODY_MAX, endpoint_make_token},
    {METHOD_GET, "/health", ACCESS_PUBLIC, 0, endpoint_show_health},
    {METHOD_GET, "/metrics", ACCESS_SERVICE, 0, endpoint_show_metrics},
};

const struct route *routes_all(size_t *count)
{
    *count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}

<?php
// SPDX-License-Identifier: MIT
// A page of a site. Its query: do, user; now, the time that doorbell.php is to believe; more, JSON.
error_reporting(-1);
require __DIR__ . '/doorbell.php';

$query = $_GET + ['do' => 'page', 'user' => null, 'more' => '[]'];
$options = json_decode(file_get_contents(__DIR__ . '/options.json'), true);
if (isset($query['now'])) {
    $options['clock'] = function () use ($query) {
        return (float) $query['now'];
    };
}
$more = json_decode($query['more'], true);
$bell = new Doorbell($options + (isset($more['options']) ? $more['options'] : []));
$claims = isset($more['claims']) ? $more['claims'] : [];
switch ($query['do']) {
    case 'page':
        $got = $bell->cookie($query['user'], $claims);
        echo json_encode(['got' => $got, 'tag' => $query['user'] === null ? '' : $bell->inbox_tag($query['user'], $more['tag'])]);
        break;
    case 'cookie':
        echo json_encode($bell->cookie($query['user'], $claims));
        break;
    case 'renew':
        $bell->revoke($query['user']);
        $bell->login($query['user']);
        break;
    case 'logout':
        $bell->logout();
        break;
    case 'send':
        echo json_encode($bell->send($query['user'], $more['title']));
        break;
    case 'late':
        echo 'output';
        flush();
        $bell->login($query['user']);
        break;
}

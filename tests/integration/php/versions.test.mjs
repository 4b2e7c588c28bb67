// SPDX-License-Identifier: MIT
// doorbell.php in every version from PHP 5.6 on does the same: tokens, cookies, the bell's tag, refusals. These PHPs have
// no network.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { runWasm, VERSIONS } from '../../harness/php_wasm.mjs';
import { client } from './php.mjs';

const SECRET = 's'.repeat(40);
const PAGE = `<?php
error_reporting(-1);
ini_set('zend.exception_ignore_args', '0');
set_error_handler(function ($level, $text) {
    throw new Exception($text);
});
require '/doorbell.php';
$bell = new Doorbell([
    'secret' => '${SECRET}', 'send_key' => str_repeat('k', 32), 'secure' => true, 'url' => 'http://127.0.0.1:1/doorbell/',
    'clock' => function () { return 1700000000.25; },
]);
$got = ['cookie' => $bell->cookie('a/b%ü 中', ['lang' => 'de', 'since' => '5']), 'token' => $_COOKIE['__Host-doorbell_token']];
$got['again'] = $bell->cookie('a/b%ü 中', ['lang' => 'de', 'since' => 5]);
$got['tag'] = $bell->inbox_tag(42, ['num' => 3, 'href' => '/?a&b', 'text' => '<收件箱>']);
$calls = [
    ['token', "\\xff"], ['token', 'bob', ['lang' => "\\xff"]], ['send', '*', 'x'],
    ['send', 42, "\\xff"], ['recall', 'x'], ['token', 'bob', ['role' => 'x']], ['send', [7, 'bob'], '中'],
];
foreach ($calls as $call) {
    $method = array_shift($call);
    try {
        call_user_func_array([$bell, $method], $call);
    } catch (DoorbellError $e) {
        $got['errors'][] = [$e->getMessage(), $e->getCode(), $e->reason];
        $traces[] = "$e";
    }
}
foreach ([['send_key' => 'short'], ['secret' => '${SECRET}' . "\n"], ['send_key' => str_repeat('k', 32), 'url' => 'x']] as $options) {
    try {
        new Doorbell($options);
    } catch (DoorbellError $e) {
        $got['errors'][] = [$e->getMessage(), $e->getCode(), $e->reason];
        $traces[] = "$e";
    }
}
$got['leaks'] = preg_match('~sssssssss|kkkkkkkkk|short~', implode($traces));
ob_start();
var_dump($bell);
$got['dump'] = strpos(ob_get_clean(), 'kkk');
echo json_encode($got);`;

const user = 'a/b%ü 中';
const signBytes = (token) => createHmac('sha256', SECRET).update(token.slice(0, token.lastIndexOf('.'))).digest('base64url');
for (const version of VERSIONS) {
  test(`PHP ${version}`, async () => {
    const { text, headers } = await runWasm(version, { '/doorbell.php': readFileSync(client, 'utf8') }, PAGE);
    const { token, errors, ...rest } = JSON.parse(text);
    const [head, claims] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    assert.deepEqual(head, { alg: 'HS256', typ: 'JWT' });
    assert.deepEqual(claims, { sub: user, lang: 'de', since: 5, iat: 1700000000.25, exp: 1700043200 });
    // The signature is that of the bytes which came.
    assert.equal(token.split('.')[2], signBytes(token));
    assert.deepEqual(rest, {
      cookie: true, again: true, leaks: 0, dump: false,
      tag: '<script src="/doorbell.min.js" defer></script>\n'
        + '<doorbell-inbox user="42" num="3"><a href="/?a&amp;b">&lt;收件箱&gt; <span data-num>3</span></a></doorbell-inbox>',
    });
    assert.deepEqual(headers['set-cookie'], [`__Host-doorbell_token=${token}; Expires=Wed, 15 Nov 2023 10:13:20 GMT; Path=/; Secure; HttpOnly; SameSite=Lax`]);
    assert.deepEqual(errors.map(([, status, reason]) => [status, reason]),
      Array(10).fill([0, 'invalid']));
    assert.match(errors[3][0], /texts must be UTF-8/);
    assert.match(errors[6][0], /^PHP can make no HTTP request: install its curl extension/);
  });
}

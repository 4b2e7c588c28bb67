<?php
// SPDX-License-Identifier: MIT
// Makes calls of doorbell.php: {"file","options","calls":[["send","42","Hello"],…]} on stdin; on stdout, of each call,
// {"answer"} or {"error":{message,status,reason,retry_after,key}}, and how long it took. An option "clock" is a time.
error_reporting(-1);
set_error_handler(function ($level, $text, $file, $line) {
    if (error_reporting() & $level) {
        throw new ErrorException($text, 0, $level, $file, $line);
    }
});
$drive = json_decode(stream_get_contents(STDIN), true);
require $drive['file'];

function attempt($act)
{
    $began = microtime(true);
    try {
        $result = ['answer' => $act()];
    } catch (DoorbellError $e) {
        $result = ['error' => ['message' => $e->getMessage(), 'status' => $e->getCode(), 'reason' => $e->reason,
            'retry_after' => $e->retry_after, 'key' => $e->key, 'index' => $e->index, 'text' => "$e"]];
    }
    return $result + ['ms' => 1000 * (microtime(true) - $began)];
}

$bell = null;
$results = [attempt(function () use (&$bell, $drive) {
    $options = $drive['options'];
    if (isset($options['clock']) && is_numeric($options['clock'])) {
        $time = $options['clock'];
        $options['clock'] = function () use ($time) {
            return $time;
        };
    }
    $bell = new Doorbell($options);
    ob_start();
    var_dump($bell);
    return ob_get_clean();
})];
foreach (isset($results[0]['error']) ? [] : $drive['calls'] as $call) {
    $method = array_shift($call);
    $results[] = attempt(function () use ($bell, $method, $call) {
        return call_user_func_array([$bell, $method], $call);
    });
}
echo json_encode($results);

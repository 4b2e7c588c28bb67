<?php
// SPDX-License-Identifier: MIT
// client.php - a PHP back end that speaks as elephant.io does: `Origin: *`, a query in an order of its
// own, a handshake by polling, then a WebSocket with the id and `5` without `2probe`. Reads
// {"port","eio","argument"} on stdin; logs in by polling, writes what it hears after the upgrade until
// new_msg comes.
$job = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$address = "tcp://127.0.0.1:{$job['port']}";

function target(array $job, string $transport, string $sid = ''): string
{
    $query = ['transport' => $transport, 'EIO' => $job['eio'], 't' => uniqid()];
    return '/socket.io/?' . http_build_query($sid === '' ? $query : ['sid' => $sid] + $query);
}

function poll(array $job, string $method, string $target, string $body = ''): string
{
    $answer = file_get_contents("http://127.0.0.1:{$job['port']}$target", false, stream_context_create(['http' => [
        'method' => $method,
        'header' => "Origin: *\r\nContent-Type: text/plain; charset=UTF-8\r\n",
        'content' => $body,
        'timeout' => 20,
    ]]));
    if ($answer === false) {
        fwrite(STDERR, "$method $target\n");
        exit(1);
    }
    return $answer;
}

function pack_one(array $job, string $packet): string
{
    return $job['eio'] === 4 ? $packet : strlen($packet) . ":$packet";
}

function write_frame($socket, string $text): void
{
    $mask = random_bytes(4);
    $length = strlen($text) < 126 ? chr(0x80 | strlen($text)) : chr(0x80 | 126) . pack('n', strlen($text));
    fwrite($socket, "\x81$length$mask" . ($text ^ str_pad('', strlen($text), $mask)));
}

function read_bytes($socket, int $count): string
{
    $bytes = '';
    while (strlen($bytes) < $count) {
        $more = fread($socket, $count - strlen($bytes));
        if ($more === false || $more === '') {
            fwrite(STDERR, "the connection ended\n");
            exit(1);
        }
        $bytes .= $more;
    }
    return $bytes;
}

// Of frames as the relay writes them: short ones, not masked.
function read_frame($socket): string
{
    $length = ord(read_bytes($socket, 2)[1]);
    if ($length === 126) {
        $length = unpack('n', read_bytes($socket, 2))[1];
    }
    return $length > 0 ? read_bytes($socket, $length) : '';
}

preg_match('/"sid":"([^"]+)"/', poll($job, 'GET', target($job, 'polling')), $found);
$sid = $found[1];
if ($job['eio'] === 4) {
    poll($job, 'POST', target($job, 'polling', $sid), '40');
    poll($job, 'GET', target($job, 'polling', $sid));
}
poll($job, 'POST', target($job, 'polling', $sid), pack_one($job, '42' . json_encode(['login', $job['argument']])));

$socket = stream_socket_client($address, $code, $message, 20);
stream_set_timeout($socket, 20);
$key = base64_encode(random_bytes(16));
fwrite($socket, 'GET ' . target($job, 'websocket', $sid) . " HTTP/1.1\r\nHost: 127.0.0.1:{$job['port']}\r\n" .
    "Upgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: $key\r\nSec-WebSocket-Version: 13\r\nOrigin: *\r\n\r\n");
while (($line = fgets($socket)) !== false && $line !== "\r\n") {
    if (str_starts_with($line, 'HTTP/')) {
        echo json_encode(['event' => 'upgrade', 'status' => (int) substr($line, 9, 3)]), "\n";
    }
}
write_frame($socket, '5');
write_frame($socket, '42["hello"]');
do {
    $frame = read_frame($socket);
    if ($frame === '2') {
        write_frame($socket, '3');
    }
    echo json_encode(['event' => 'frame', 'text' => $frame]), "\n";
} while (!str_starts_with($frame, '42["new_msg"'));
write_frame($socket, '1');

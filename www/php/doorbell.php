<?php
// SPDX-License-Identifier: MIT
// doorbell.php - Doorbell for a site in PHP 5.6 or newer, in one file: sends messages, asks and marks for a user, gives
// the page its token and its bell. README.md beside it has the recipes, fcgi-app/API.md all fields and answers.
//
//     require 'doorbell.php';
//     $bell = new Doorbell(['url' => 'http://127.0.0.1/doorbell']);
//     $bell->send('42', 'Your order has shipped', ['url' => '/orders/7']);

/** A call that failed, or an argument of no use. The message says what to do; it names no secret. */
class DoorbellError extends RuntimeException
{
    /** @var string the API's code ("invalid", "unavailable" ...); "no_reply" or "not_ours" without one */
    public $reason;
    /** @var int|null seconds after which to try again */
    public $retry_after;
    /** @var string|null of a send: give it as `key` again, and the message is stored once */
    public $key;
    /** @var int|null of send_batch(): which message was refused, from 0 */
    public $index;

    /** @param int $status of HTTP, 0 without a reply; getCode() returns it */
    public function __construct($message, $status = 0, $reason = 'invalid', $retry_after = null)
    {
        parent::__construct($message, $status);
        $this->reason = $reason;
        $this->retry_after = $retry_after;
    }
}

/** Tokens: JWTs by HMAC with SHA-256. Pure. */
final class DoorbellToken
{
    const HEADER = '{"alg":"HS256","typ":"JWT"}';

    /** @param float $now its microseconds are kept: they tell whether a revocation came before or after */
    public static function sign(#[\SensitiveParameter]
        $secret, array $claims, $now, $ttl)
    {
        $times = sprintf('"iat":%.6F,"exp":%d}', $now, (int) $now + $ttl);
        $text = self::encode(self::HEADER) . '.' . self::encode(substr(json_encode($claims), 0, -1) . ",$times");
        return $text . '.' . self::encode(hash_hmac('sha256', $text, $secret, true));
    }

    /** @return bool whether this secret has signed it; in constant time */
    public static function is_signed(#[\SensitiveParameter]
        $token, #[\SensitiveParameter]
        $secret)
    {
        $dot = strrpos($token, '.');
        $expected = self::encode(hash_hmac('sha256', substr($token, 0, (int) $dot), $secret, true));
        return $dot !== false && hash_equals($expected, substr($token, $dot + 1));
    }

    /** @return array its claims, believed or not; [] of what is no token */
    public static function claims(#[\SensitiveParameter]
        $token)
    {
        $parts = explode('.', $token);
        $json = count($parts) === 3 ? base64_decode(strtr($parts[1], '-_', '+/')) : '';
        $claims = json_decode((string) $json, true);
        return is_array($claims) ? $claims : [];
    }

    private static function encode($bytes)
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}

/** One HTTP request, by curl or else by streams, that ends in time. */
final class DoorbellHttp
{
    const REPLY_MAX = 67108864;

    private $curl = null;

    /**
     * @param string[] $headers lines
     * @return array [status, [lower-case name => value], body]
     * @throws DoorbellError with status 0 and without advice if there is no reply
     */
    public function request($method, $url, #[\SensitiveParameter]
        array $headers, #[\SensitiveParameter]
        $body, $timeout, $connect_timeout)
    {
        if (function_exists('curl_init')) {
            return $this->by_curl($method, $url, $headers, $body, $timeout, $connect_timeout);
        }
        if (ini_get('allow_url_fopen')) {
            return $this->by_stream($method, $url, $headers, $body, $timeout);
        }
        throw new DoorbellError('PHP can make no HTTP request: install its curl extension, or set allow_url_fopen = 1');
    }

    private function by_curl($method, $url, #[\SensitiveParameter]
        array $headers, #[\SensitiveParameter]
        $body, $timeout, $connect_timeout)
    {
        $lines = [];
        $reply = '';
        if ($this->curl === null) {
            $this->curl = curl_init();
        }
        curl_reset($this->curl); // keeps the connection
        curl_setopt_array($this->curl, [
            CURLOPT_URL => $url,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => array_merge($headers, ['Expect:']),
            CURLOPT_CONNECTTIMEOUT_MS => (int) ceil(1000 * min($connect_timeout, $timeout)),
            CURLOPT_TIMEOUT_MS => (int) ceil(1000 * $timeout),
            CURLOPT_NOSIGNAL => true, // else times below a second are none
            CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$lines) {
                $lines[] = rtrim($line);
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => function ($curl, $part) use (&$reply) {
                $reply .= $part;
                return strlen($reply) > self::REPLY_MAX ? 0 : strlen($part);
            },
        ]);
        if ($body !== null) {
            curl_setopt($this->curl, CURLOPT_POSTFIELDS, $body);
        }
        if (!curl_exec($this->curl)) {
            throw new DoorbellError(curl_error($this->curl), 0, 'no_reply');
        }
        return self::parse($lines, $reply);
    }

    private function by_stream($method, $url, #[\SensitiveParameter]
        array $headers, #[\SensitiveParameter]
        $body, $timeout)
    {
        $deadline = microtime(true) + $timeout;
        $http = [
            'method' => $method,
            'header' => array_merge($headers, ['Connection: close']),
            'protocol_version' => '1.1',
            'timeout' => (float) $timeout,
            'ignore_errors' => true, // a 422 has a body, too
            'follow_location' => 0,
        ];
        if ($body !== null) {
            $http['content'] = $body;
        }
        $why = '';
        set_error_handler(function ($level, $text) use (&$why) {
            $why = $text;
            return true;
        });
        try {
            $stream = fopen($url, 'r', false, stream_context_create(['http' => $http]));
            $reply = $stream ? self::read_all($stream, $deadline) : null;
        } finally {
            restore_error_handler();
        }
        if ($reply === null) {
            throw new DoorbellError($why === '' ? 'it took too long' : $why, 0, 'no_reply');
        }
        return $reply;
    }

    /** @return array|null as request(); null if the deadline comes first */
    private static function read_all($stream, $deadline)
    {
        $body = '';
        while (!feof($stream) && strlen($body) <= self::REPLY_MAX) {
            $left = $deadline - microtime(true);
            if ($left <= 0) {
                return null;
            }
            stream_set_timeout($stream, (int) $left, (int) (1000000 * ($left - (int) $left)));
            $body .= fread($stream, 65536);
        }
        $about = stream_get_meta_data($stream);
        fclose($stream);
        return self::parse($about['wrapper_data'], $body);
    }

    /** @param string[] $lines of all heads: "100 Continue" has one too */
    private static function parse(array $lines, $body)
    {
        $status = 0;
        $headers = [];
        foreach ($lines as $line) {
            if (preg_match('~^HTTP/\S+ (\d{3})~', $line, $found)) {
                $status = (int) $found[1];
                $headers = [];
            } elseif (strpos($line, ':') !== false) {
                list($name, $value) = explode(':', $line, 2);
                $headers[strtolower($name)] = trim($value);
            }
        }
        return [$status, $headers, $body];
    }
}

/** The other direction: a call that doorbell-app makes to a site, of the webhook of a category. */
final class DoorbellWebhook
{
    /**
     * What the call says: call (its number, the same when it is made again), message, group, recipients. Answer 200 when it is done;
     * anything else, and it comes again.
     *
     * @param string $secret the first line of webhook.secret, or the second while it is rotated
     * @param string|null $body the request's, as it came; null: of this request
     * @param string|null $signature its header X-Doorbell-Signature; null: of this request
     * @param int $age how many seconds old it may be
     * @throws DoorbellError unless it was signed with the secret: answer 403 then
     */
    public static function read(#[\SensitiveParameter]
        $secret, $body = null, $signature = null, $age = 300)
    {
        if ($body === null) {
            $body = (string) file_get_contents('php://input');
        }
        if ($signature === null) {
            $signature = isset($_SERVER['HTTP_X_DOORBELL_SIGNATURE']) ? $_SERVER['HTTP_X_DOORBELL_SIGNATURE'] : '';
        }
        if (!is_string($secret) || strlen($secret) < Doorbell::KEY_MIN) {
            throw new DoorbellError('the secret must be the first line of the webhook.secret that doorbell-app reads');
        }
        if (!preg_match('~^t=(\d{1,12}),v1=([0-9a-f]{64})$~D', $signature, $parts)
            || !hash_equals(hash_hmac('sha256', "$parts[1].$body", $secret), $parts[2])) {
            throw new DoorbellError('the call was not signed with this secret', 403, 'forbidden');
        }
        if (abs(time() - (int) $parts[1]) > $age) {
            throw new DoorbellError("the call was signed more than $age seconds ago, or a clock is wrong", 403, 'forbidden');
        }
        return json_decode($body, true);
    }
}

/** A site's Doorbell. Users are the site's own ids. Every method that calls the API throws DoorbellError. */
class Doorbell
{
    const COOKIE = 'doorbell_token';
    const USER_TTL = 60; // of a token that only this request uses
    const SILENCE = 1;
    const KEY_MIN = 32;
    const JSON = 'Content-Type: application/json';

    private $options;
    private $http;
    private $send_key = null;
    private $secret = null;
    private $publish_key = null;
    private $tokens = []; // of users, for calls
    private $revoked = []; // users whose next token is the API's own, which knows of it
    private $has_script = false;
    private $silent_until = 0; // so that a page waits in vain only once

    /**
     * What may be set, with its default. Times are seconds.
     *
     * url              the API, as this machine reaches it
     * send_key_file    the file with the key that sends, read when first needed; or send_key, the key itself
     * secret_file      the file with the secret that signs tokens; or secret, the secret itself; without either,
     *                  doorbell-app is asked for tokens
     * audience         the setting [auth] audience, for tokens signed here
     * token_ttl        the life of a page's token, at most [auth] token_ttl_max
     * secure           whether pages are https; null: as this request
     * cookie_domain    a domain whose hosts share the cookie; null: this host alone
     * timeout          a whole call; connect_timeout, its connection; page_timeout, the number in inbox_tag()
     * script           the URL of doorbell.min.js; null: the page loads it by itself
     * relay_url        the relay's publish port, for sent_message(); publish_key_file or publish_key, its key
     * http             what makes the requests, as psr18/Psr18Http.php; null: curl, else PHP's streams
     * clock            a function that returns the time, for tests
     *
     * @return array
     */
    private static function defaults()
    {
        return [
            'url' => 'http://127.0.0.1/doorbell', 'send_key_file' => '/etc/doorbell/send.key', 'send_key' => null,
            'secret_file' => null, 'secret' => null, 'audience' => null, 'token_ttl' => 43200,
            'secure' => null, 'cookie_domain' => null,
            'timeout' => 2, 'connect_timeout' => 0.5, 'page_timeout' => 0.3,
            'script' => '/doorbell.min.js', 'relay_url' => 'http://127.0.0.1:2121',
            'publish_key_file' => null, 'publish_key' => null, 'http' => null, 'clock' => null,
        ];
    }

    public function __construct(#[\SensitiveParameter]
        array $options = [])
    {
        foreach (array_diff_key($options, self::defaults()) as $name => $value) {
            throw self::wrong("\"$name\" is no option; these are: " . implode(', ', array_keys(self::defaults())));
        }
        $this->options = $options + self::defaults();
        $this->check_options();
        $this->options['url'] = rtrim($this->options['url'], '/');
        $this->http = $this->options['http'] ?: new DoorbellHttp();
    }

    /** Keeps secrets out of dumps. */
    public function __debugInfo()
    {
        return ['url' => $this->options['url']];
    }

    private function check_options()
    {
        $o = $this->options;
        foreach (['url', 'relay_url'] as $name) {
            $parts = is_string($o[$name]) ? parse_url($o[$name]) : false;
            if (!$parts || !isset($parts['scheme'], $parts['host']) || !preg_match('~^https?$~i', $parts['scheme'])
                || isset($parts['user']) || isset($parts['query']) || isset($parts['fragment'])) {
                throw self::wrong("$name must be an http or https URL without user, query and fragment, "
                    . 'such as http://127.0.0.1/doorbell');
            }
        }
        foreach (['timeout', 'connect_timeout', 'page_timeout', 'token_ttl'] as $name) {
            if (!(is_int($o[$name]) || is_float($o[$name])) || !($o[$name] > 0 && $o[$name] < 1e9)) {
                throw self::wrong("$name must be a number of seconds above 0");
            }
        }
        if (!is_int($o['token_ttl'])) {
            throw self::wrong('token_ttl must be a whole number of seconds');
        }
        foreach (['send_key', 'secret', 'publish_key'] as $name) {
            if ($o[$name] !== null && !self::is_key($o[$name])) {
                throw self::no_key($name);
            }
            self::check_text($o["{$name}_file"], "{$name}_file", 'the path of a file, or null');
        }
        self::check_text($o['audience'], 'audience', 'a text, or null');
        self::check_text($o['script'], 'script', 'a URL, or null');
        self::check_text($o['cookie_domain'], 'cookie_domain', 'a domain such as example.org, or null');
        if ($o['cookie_domain'] !== null && !preg_match('~^\.?[a-z0-9.-]+$~i', $o['cookie_domain'])) {
            throw self::wrong('cookie_domain must be a domain such as example.org, or null');
        }
        if (!in_array($o['secure'], [true, false, null], true)) {
            throw self::wrong('secure must be true, false, or null to do as the request does');
        }
        if ($o['http'] !== null && !(is_object($o['http']) && method_exists($o['http'], 'request'))) {
            throw self::wrong('http must be an object with the method request() of DoorbellHttp, or null');
        }
        if ($o['clock'] !== null && !is_callable($o['clock'])) {
            throw self::wrong('clock must be a function that returns unix seconds, or null');
        }
    }

    private static function check_text($value, $name, $what)
    {
        if ($value !== null && (!is_string($value) || $value === '')) {
            throw self::wrong("$name must be $what");
        }
    }

    /** Throws nothing: before 8.2 a trace would show the beginning of the key. */
    private static function is_key(#[\SensitiveParameter]
        $key)
    {
        return is_string($key) && strlen($key) >= self::KEY_MIN && strpbrk($key, "\r\n") === false;
    }

    private static function no_key($name)
    {
        return self::wrong("$name must be one line of at least " . self::KEY_MIN
            . ' bytes; make one by: head -c 32 /dev/urandom | base64');
    }

    // --- Sending

    /**
     * Sends to a user, or to a list of up to 100,000.
     *
     * @param string|int|array $to
     * @param string|null $title null: that of the category's template
     * @param array $more body, sender, url, category, extra, expires_in, send_at, key ... as in API.md
     * @return array ['id' => 812, 'recipients' => 1, 'duplicate' => false]
     */
    public function send($to, $title, array $more = [])
    {
        $users = is_array($to) ? array_map([__CLASS__, 'user'], array_values($to)) : self::user($to);
        return $this->post_message(['to' => $users], $title, $more);
    }

    /** Sends to everybody. Costs as much as to one. */
    public function send_to_all($title, array $more = [])
    {
        return $this->post_message(['to' => '*'], $title, $more);
    }

    /**
     * Sends to a group, or to whoever is in any of several. Costs as much as to one.
     *
     * @param string|string[] $group
     * @param array $more also except (users) and except_groups, who are left out
     */
    public function send_to_group($group, $title, array $more = [])
    {
        $audience = is_array($group) ? ['groups' => array_map('strval', array_values($group))] : ['group' => (string) $group];
        return $this->post_message($audience, $title, $more);
    }

    private function post_message(array $audience, $title, array $more)
    {
        foreach (array_intersect_key($more, ['to' => 1, 'group' => 1, 'groups' => 1, 'title' => 1]) as $name => $value) {
            throw self::wrong("\"$name\" is an argument of its own: leave it out of the fields");
        }
        $more += ['key' => self::make_key()];
        try {
            return $this->call('POST', '/messages', $audience + ($title === null ? [] : ['title' => (string) $title]) + $more);
        } catch (DoorbellError $error) {
            $error->key = $more['key'];
            throw $error;
        }
    }

    /**
     * Sends many messages in one call, up to 1,000: all of them, or none if one is refused.
     *
     * @param array[] $messages of each its fields: to or group, title, body ... as in API.md
     * @param array $options defaults: fields that each message has where it does not say otherwise; atomic: false, to send
     *                       or refuse each by itself; key: what the keys of messages without one begin with
     * @return array[] for each what send() returns; with atomic false also ['error' => ['code' => ..., 'message' => ...]]
     */
    public function send_batch(array $messages, array $options = [])
    {
        foreach (array_diff_key($options, ['defaults' => 1, 'atomic' => 1, 'key' => 1]) as $name => $value) {
            throw self::wrong("\"$name\" is no option of send_batch(); these are: defaults, atomic, key");
        }
        $options += ['defaults' => [], 'atomic' => true, 'key' => self::make_key()];
        $fields = ['messages' => [], 'defaults' => (object) $options['defaults'], 'atomic' => $options['atomic']];
        foreach (array_values($messages) as $i => $message) {
            if (!is_array($message)) {
                throw self::wrong("message $i must be an array of fields");
            }
            $fields['messages'][] = $message + ['key' => $options['key'] . "-$i"];
        }
        if (!$messages) {
            return [];
        }
        try {
            $answer = $this->call('POST', '/messages/batch', $fields);
        } catch (DoorbellError $error) {
            $error->key = $options['key'];
            throw $error;
        }
        return $answer['results'];
    }

    /** Unique, not secret. */
    private static function make_key()
    {
        return 'php-' . substr(hash('sha256', uniqid(mt_rand(), true) . getmypid() . gethostname()), 0, 32);
    }

    /** Takes a message back, out of every inbox. */
    public function recall($id)
    {
        return $this->call('DELETE', '/sent/' . self::id($id));
    }

    /**
     * Takes back a part of those that match $filter: subject_type and subject_id, sender, category; since, limit. Pass `next` of
     * ['recalled' => 2, 'next' => ...] back as `before`, until it is null.
     */
    public function recall_matching(array $filter)
    {
        return $this->call('DELETE', '/sent' . self::query($filter));
    }

    /** What became of a message: recipients, seen, read, acked, recalled, as_of. */
    public function sent($id)
    {
        return $this->call('GET', '/sent/' . self::id($id));
    }

    /** Why the user sees the message or does not: visible, reason, message, category, group, at. */
    public function explain($user, $id)
    {
        return $this->call('GET', '/messages/' . self::id($id) . '/explain' . self::query(['user' => self::user($user)]));
    }

    // --- Groups

    /** Adds a user, or a list. The group is made when first named. */
    public function group_add($group, $users)
    {
        return $this->change_group($group, ['add' => $users]);
    }

    public function group_remove($group, $users)
    {
        return $this->change_group($group, ['remove' => $users]);
    }

    private function change_group($group, array $change)
    {
        foreach ($change as $name => $users) {
            $change[$name] = array_map([__CLASS__, 'user'], array_values((array) $users));
        }
        return $this->call('POST', '/groups/' . rawurlencode($group) . '/members', $change);
    }

    /** ['members' => [...], 'next' => ...]: pass `next` back as $after, until it is null. */
    public function group_members($group, $after = null, $limit = 1000)
    {
        return $this->call('GET', '/groups/' . rawurlencode($group) . '/members' . self::query(compact('after', 'limit')));
    }

    // --- A user's inbox

    /** ['num' => 3, 'hit' => 1, ...]: how many are unread, of this category alone if one is named. */
    public function unread($user, $category = null)
    {
        return $this->call_as($user, 'GET', '/unread' . self::query(compact('category')));
    }

    /** The same, with the parts: ['categories' => ['news' => 2], ...]. */
    public function counts($user)
    {
        return $this->call_as($user, 'GET', '/unread?by=category');
    }

    /**
     * Part of the list, newest first. $filter: state, category, limit, and before: `next` of the part above; grouped: true, for one
     * row for each group_key, or group_key: its messages; or after: `position` of an earlier answer, for what changed since.
     */
    public function messages($user, array $filter = [])
    {
        return $this->call_as($user, 'GET', '/messages' . self::query($filter));
    }

    public function message($user, $id)
    {
        return $this->call_as($user, 'GET', '/messages/' . self::id($id));
    }

    /** Marks one, or each of a list of up to 1,000 ids. */
    public function mark_read($user, $ids)
    {
        return $this->mark($user, 'read', $ids);
    }

    public function mark_unread($user, $ids)
    {
        return $this->mark($user, 'unread', $ids);
    }

    private function mark($user, $how, $ids)
    {
        if (!is_array($ids)) {
            return $this->call_as($user, 'POST', '/messages/' . self::id($ids) . "/$how");
        }
        return $this->call_as($user, 'POST', "/messages/$how", ['ids' => array_map([__CLASS__, 'id'], array_values($ids))]);
    }

    /** Marks what the list with this `position` could show; what came after it stays unread. */
    public function mark_read_upto($user, $position)
    {
        return $this->call_as($user, 'POST', '/messages/read', ['upto' => $position]);
    }

    public function mark_all_read($user)
    {
        return $this->call_as($user, 'POST', '/messages/read', ['all' => true]);
    }

    public function mark_all_unread($user)
    {
        return $this->call_as($user, 'POST', '/messages/unread', ['all' => true]);
    }

    /** Marks all about this, as when the user opens order 7. */
    public function mark_subject_read($user, $type, $id)
    {
        $subject = ['subject_type' => (string) $type, 'subject_id' => (string) $id];
        return $this->call_as($user, 'POST', '/messages/read', $subject);
    }

    /** Marks all messages with this group_key; with a position, only what that list could show. */
    public function mark_group_read($user, $group_key, $position = null)
    {
        $which = ['group_key' => (string) $group_key] + ($position === null ? [] : ['upto' => $position]);
        return $this->call_as($user, 'POST', '/messages/read', $which);
    }

    public function mark_oldest_read($user, $count)
    {
        return $this->call_as($user, 'POST', '/messages/read', ['oldest' => (int) $count]);
    }

    /** Of a message that was sent with `ack`. */
    public function acknowledge($user, $id)
    {
        return $this->call_as($user, 'POST', '/messages/' . self::id($id) . '/ack');
    }

    /** Moves one to the archive, or each of a list of up to 1,000 ids. */
    public function archive($user, $ids)
    {
        return $this->mark($user, 'archive', $ids);
    }

    /** Deletes one from this user's inbox, or each of a list of up to 1,000 ids, for good. */
    public function remove($user, $ids)
    {
        return is_array($ids) ? $this->mark($user, 'delete', $ids)
            : $this->call_as($user, 'DELETE', '/messages/' . self::id($ids));
    }

    /** Archives many: ['all' => true], ['read' => true], ['category' => 'news'] or ['group_key' => 'like:7']; with `upto`, only what the list with this position could show. */
    public function archive_matching($user, array $which)
    {
        return $this->call_as($user, 'POST', '/messages/archive', $which);
    }

    /** Deletes the same, for good. */
    public function remove_matching($user, array $which)
    {
        return $this->call_as($user, 'POST', '/messages/delete', $which);
    }

    /** The user has looked at the list with this `position`. */
    public function seen($user, $position)
    {
        return $this->call_as($user, 'POST', '/seen', ['position' => $position]);
    }

    // --- The page: its token, its bell

    /**
     * For every page of a user who is logged in, before any output: sets the cookie with the token, and renews it when half
     * of its life is over or it is not this user's. It costs no call where secret_file is set. null: nobody is logged in.
     *
     * @param array $claims since: when the user registered; lang: their language. Both need secret_file
     * @return bool false if no token was to be had; the log says why, and the page works without a bell
     */
    public function cookie($user, array $claims = [])
    {
        if ($user === null) {
            $this->logout();
            return true;
        }
        if ($this->is_fresh($user, $claims)) {
            return true;
        }
        try {
            $this->give_token($this->make_token($user, $this->options['token_ttl'], $claims, $this->options['page_timeout']));
            return true;
        } catch (DoorbellError $error) {
            $this->excuse($error);
            return false;
        }
    }

    /** When the user has just logged in, or after revoke(): sets the cookie with a new token in any case. */
    public function login($user, array $claims = [])
    {
        $this->give_token($this->token($user, $claims));
    }

    private function give_token(#[\SensitiveParameter]
        $token)
    {
        $claims = DoorbellToken::claims($token);
        $this->set_cookie($this->cookie_name(), $token, $claims['exp']);
    }

    /** When the user logs out: removes the cookie. */
    public function logout()
    {
        foreach (['__Host-' . self::COOKIE, self::COOKIE] as $name) {
            if (isset($_COOKIE[$name]) || $name === $this->cookie_name()) {
                $this->set_cookie($name, '', 0);
            }
        }
    }

    /** Makes void all tokens of the user until now, as after a change of password; then call login() for this page. */
    public function revoke($user)
    {
        $answer = $this->call('POST', '/revoke' . self::query(['user' => self::user($user)]));
        $this->revoked[self::user($user)] = true;
        unset($this->tokens[self::user($user)]);
        return $answer;
    }

    /** A token for the user, as for a page that takes it from a script; the cookie is the better place. */
    public function token($user, array $claims = [])
    {
        return $this->make_token($user, $this->options['token_ttl'], $claims, $this->options['timeout']);
    }

    /**
     * The bell for the page, to be echoed: <doorbell-inbox user="42" num="3">, and the script before the first.
     *
     * @param array $attributes of the element, by name. Also `num`: the number, where it is known already (null: none),
     *     else it is asked for; and `text`: the words of a link to `href`, there before and without the script
     * @return string
     */
    public function inbox_tag($user, array $attributes = [])
    {
        $num = array_key_exists('num', $attributes) ? $attributes['num'] : $this->page_num($user);
        // The page need not ask whose it is.
        $text = ' user="' . self::html(self::user($user)) . '"' . ($num === null ? '' : ' num="' . (int) $num . '"');
        $link = '';
        if (isset($attributes['text'], $attributes['href'])) {
            $link = '<a href="' . self::html($attributes['href']) . '">' . self::html($attributes['text'])
                . ' <span data-num>' . ($num ? (int) $num : '') . '</span></a>';
            unset($attributes['href']);
        }
        unset($attributes['text'], $attributes['num']);
        foreach ($attributes as $name => $value) {
            if (!preg_match('~^(?!on)[a-z][a-z-]*$~', $name)) {
                throw self::wrong("\"$name\" is no attribute of <doorbell-inbox>; www/README.md lists them");
            }
            $text .= " $name=\"" . self::html($value) . '"';
        }
        return $this->script_tag() . "<doorbell-inbox$text>$link</doorbell-inbox>";
    }

    private function script_tag()
    {
        if ($this->has_script || $this->options['script'] === null) {
            return '';
        }
        $this->has_script = true;
        return '<script src="' . self::html($this->options['script']) . "\" defer></script>\n";
    }

    /** @return int|null null where it is not to be had in time: the page asks by itself */
    private function page_num($user)
    {
        if ($this->now() < $this->silent_until) {
            return null;
        }
        try {
            $answer = $this->call_as($user, 'GET', '/unread', null, $this->options['page_timeout']);
            return $answer['num'];
        } catch (DoorbellError $error) {
            $this->excuse($error);
            return null;
        }
    }

    /** For what a page can do without: logs a failure. A mistake of the caller's is thrown on. */
    private function excuse(DoorbellError $error)
    {
        if ($error->reason === 'invalid') {
            throw $error;
        }
        $this->silent_until = $error->reason === 'no_reply' ? $this->now() + self::SILENCE : 0;
        error_log('Doorbell: ' . $error->getMessage());
    }

    /** Whether the cookie's token is this user's, and more than half of its life is left. */
    private function is_fresh($user, array $claims)
    {
        $name = $this->cookie_name();
        $token = isset($_COOKIE[$name]) && is_string($_COOKIE[$name]) ? $_COOKIE[$name] : '';
        $found = DoorbellToken::claims($token) + ['sub' => null, 'exp' => null];
        $user = self::user($user);
        $half = $this->now() + $this->options['token_ttl'] / 2;
        if ($found['sub'] !== $user || !is_int($found['exp']) || $found['exp'] <= $half || isset($this->revoked[$user])) {
            return false;
        }
        if ($this->secret() === null) {
            return true; // doorbell-app, which has signed it, will know
        }
        unset($found['iat'], $found['exp']);
        $wanted = $this->claims_of($user, $claims);
        ksort($found);
        ksort($wanted);
        return $found === $wanted && DoorbellToken::is_signed($token, $this->secret());
    }

    private function claims_of($user, array $claims)
    {
        foreach (array_diff_key($claims, ['since' => 1, 'lang' => 1]) as $name => $value) {
            throw self::wrong("\"$name\" is no claim; there are since and lang");
        }
        if (isset($claims['since'])) {
            $claims['since'] = (int) $claims['since'];
        }
        if (isset($claims['lang']) && !preg_match('~^[A-Za-z0-9_-]{1,35}$~D', $claims['lang'])) {
            throw self::wrong('lang must be a language, such as de or zh-CN');
        }
        return array_filter(['sub' => $user, 'aud' => $this->options['audience']] + $claims, function ($value) {
            return $value !== null;
        });
    }

    /** By our own hand where the secret is known, else by doorbell-app's. */
    private function make_token($user, $ttl, array $claims, $timeout)
    {
        $user = self::user($user);
        $secret = $this->secret();
        if ($secret !== null && !isset($this->revoked[$user])) {
            return DoorbellToken::sign($secret, $this->claims_of($user, $claims), $this->now(), $ttl);
        }
        if ($secret === null && $claims) {
            throw self::wrong('since and lang go into tokens that are signed here: set secret_file');
        }
        $answer = $this->call('POST', '/tokens', ['user' => $user, 'ttl' => $ttl], $timeout);
        return $answer['token'];
    }

    private function is_secure()
    {
        if ($this->options['secure'] !== null) {
            return $this->options['secure'];
        }
        return !empty($_SERVER['HTTPS']) && strtolower($_SERVER['HTTPS']) !== 'off';
    }

    private function cookie_name()
    {
        return ($this->is_secure() && $this->options['cookie_domain'] === null ? '__Host-' : '') . self::COOKIE;
    }

    /** By a header of our own: PHP's setcookie() has no SameSite before 7.3. */
    private function set_cookie($name, #[\SensitiveParameter]
        $value, $expires_at)
    {
        if (headers_sent($file, $line)) {
            throw self::wrong("the cookie comes too late, output began in $file on line $line: call it before any output");
        }
        $is_host = strpos($name, '__Host-') === 0;
        $domain = $is_host ? null : $this->options['cookie_domain'];
        header("Set-Cookie: $name=$value; Expires=" . gmdate('D, d M Y H:i:s', $expires_at) . ' GMT; Path=/'
            . ($domain === null ? '' : "; Domain=$domain") . ($is_host || $this->is_secure() ? '; Secure' : '')
            . '; HttpOnly; SameSite=Lax', false);
        if ($value === '') {
            unset($_COOKIE[$name]);
        } else {
            $_COOKIE[$name] = $value; // for the rest of this request
        }
    }

    // --- web-msg-sender

    /**
     * web-msg-sender's call to the relay, which stores nothing: shows the text in the open pages of a user, or of all.
     *
     * @param string|int|null $to empty: everybody
     * @return string|false "ok", "offline" if the user has no page open, "fail"; false without a reply, as curl_exec()
     */
    public function sent_message($to = '', $content = 'You have a new message')
    {
        $fields = ['type' => 'publish', 'to' => (string) $to, 'content' => (string) $content];
        $key = $this->key('publish_key');
        $headers = ['Content-Type: application/x-www-form-urlencoded'];
        if ($key !== null) {
            $headers[] = "Authorization: Bearer $key";
        }
        try {
            $body = http_build_query($fields, '', '&');
            list(, , $reply) = $this->request('POST', $this->options['relay_url'], $headers, $body, $this->options['timeout']);
        } catch (DoorbellError $error) {
            error_log('Doorbell: ' . $error->getMessage());
            return false;
        }
        return in_array($reply, ['ok', 'offline'], true) ? $reply : 'fail';
    }

    // --- Calls

    /**
     * Any call of API.md for the site, with the send key: call('GET', '/categories').
     *
     * @return array the answer
     */
    public function call($method, $path, $fields = null, $timeout = null)
    {
        $key = $this->key('send_key');
        if ($key === null) {
            throw self::wrong('no key to send with: set send_key_file, /etc/doorbell/send.key by default');
        }
        return $this->exchange($method, $path, $fields, ["Authorization: Bearer $key"], $timeout,
            'check that send_key_file holds the first line of the send.key that doorbell-app reads');
    }

    /** Any call of API.md for a user's page, as that user: call_as('42', 'GET', '/preferences'). */
    public function call_as($user, $method, $path, $fields = null, $timeout = null)
    {
        $user = self::user($user);
        if (!isset($this->tokens[$user]) || $this->tokens[$user][1] <= $this->now()) {
            $token = $this->make_token($user, self::USER_TTL, [], $timeout);
            $this->tokens[$user] = [$token, $this->now() + self::USER_TTL / 2];
        }
        return $this->exchange($method, $path, $fields, ["Authorization: Bearer {$this->tokens[$user][0]}"], $timeout,
            'check that secret_file holds the first line of the auth.secret that doorbell-app reads, and audience its setting');
    }

    private function exchange($method, $path, #[\SensitiveParameter]
        $fields, #[\SensitiveParameter]
        array $headers, $timeout, $advice)
    {
        $body = $fields === null ? ($method === 'POST' ? '{}' : null) : json_encode($fields);
        if ($body !== null) {
            $headers[] = self::JSON;
        }
        if ($body === false) {
            throw self::wrong("$method $path: " . json_last_error_msg() . '; texts must be UTF-8: convert others by '
                . "mb_convert_encoding(\$text, 'UTF-8', 'GBK')");
        }
        list($status, $head, $text) = $this->request($method, $this->options['url'] . $path, $headers, $body,
            $timeout === null ? $this->options['timeout'] : $timeout);
        $answer = json_decode($text, true, 512, JSON_BIGINT_AS_STRING);
        if (is_array($answer) && !isset($answer['error']) && $status >= 200 && $status < 300) {
            return $answer;
        }
        throw self::refused("$method $path", $status, $head, $answer, $advice);
    }

    private function request($method, $url, #[\SensitiveParameter]
        array $headers, #[\SensitiveParameter]
        $body, $timeout)
    {
        try {
            return $this->http->request($method, $url, $headers, $body, $timeout, $this->options['connect_timeout']);
        } catch (DoorbellError $error) {
            if ($error->reason !== 'no_reply') {
                throw $error;
            }
            throw new DoorbellError("no reply to $method $url within $timeout s (" . $error->getMessage()
                . '); check that the address is right and that the web server and doorbell-app run', 0, 'no_reply');
        }
    }

    private static function refused($call, $status, array $head, $answer, $advice)
    {
        if (!isset($answer['error']['code'], $answer['error']['message'])) {
            return new DoorbellError("$call returned $status, not from doorbell-app; check that url is the address of its API, "
                . 'and that doorbell-app runs', $status, 'not_ours');
        }
        $code = $answer['error']['code'];
        $retry_after = isset($head['retry-after']) ? (int) $head['retry-after'] : null;
        $then = '';
        if ($code === 'unauthorized') {
            $then = "; $advice";
        } elseif ($code === 'revoked') {
            $then = '; log the user in anew';
        } elseif ($retry_after !== null) {
            $then = "; try again in $retry_after s";
        }
        $index = isset($answer['error']['index']) ? $answer['error']['index'] : null;
        $which = $index === null ? '' : " (message $index)";
        $error = new DoorbellError("$call returned $status $code: {$answer['error']['message']}$which$then", $status, $code, $retry_after);
        $error->index = $index;
        return $error;
    }

    // --- Small things

    private function secret()
    {
        return $this->key('secret');
    }

    /** @return string|null the one that was given, else the first line of the file: the second is for rotation */
    private function key($name)
    {
        if ($this->$name === null) {
            $this->$name = $this->options[$name];
        }
        $file = $this->options["{$name}_file"];
        if ($this->$name !== null || $file === null) {
            return $this->$name;
        }
        if (!is_readable($file)) {
            throw self::wrong("{$name}_file = $file cannot be read by PHP: let its group read it, "
                . 'as deploy/README.md does with send.key, and add it to open_basedir if that is set');
        }
        $lines = file($file, FILE_IGNORE_NEW_LINES);
        if (!$lines || !self::is_key($lines[0])) {
            throw self::no_key("the first line of {$name}_file");
        }
        return $this->$name = $lines[0];
    }

    private function now()
    {
        return $this->options['clock'] === null ? microtime(true) : call_user_func($this->options['clock']);
    }

    private static function user($user)
    {
        $text = is_int($user) ? (string) $user : $user;
        if (!is_string($text) || strlen($text) > 128 || !preg_match('~^[^\x00-\x1f\x7f]+$~Du', $text) || $text === '*') {
            throw self::wrong('a user must be an id of 1 to 128 bytes of UTF-8 without control characters; '
                . 'to everybody: send_to_all()');
        }
        return $text;
    }

    private static function id($id)
    {
        if (!preg_match('~^[0-9]{1,19}$~D', (string) $id)) {
            throw self::wrong("a message's id must be a number, as send() and messages() return it");
        }
        return (int) $id;
    }

    private static function query(array $fields)
    {
        $text = http_build_query($fields, '', '&', PHP_QUERY_RFC3986); // leaves out what is null
        return $text === '' ? '' : "?$text";
    }

    private static function html($text)
    {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
    }

    private static function wrong($message)
    {
        return new DoorbellError($message);
    }
}

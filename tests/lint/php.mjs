// SPDX-License-Identifier: MIT
// php.mjs FILE… - what PHP 5.6 says of them; see php.

import { readFileSync } from 'node:fs';

import { runWasm } from '../harness/php_wasm.mjs';

// What the extension curl has had since 5.5, which is not in this PHP.
const CURL = ['curl_init', 'curl_reset', 'curl_setopt', 'curl_setopt_array', 'curl_exec', 'curl_error',
  'CURLOPT_URL', 'CURLOPT_CUSTOMREQUEST', 'CURLOPT_HTTPHEADER', 'CURLOPT_CONNECTTIMEOUT_MS', 'CURLOPT_TIMEOUT_MS',
  'CURLOPT_NOSIGNAL', 'CURLOPT_HEADERFUNCTION', 'CURLOPT_WRITEFUNCTION', 'CURLOPT_POSTFIELDS'];

// Declares what each file declares, then looks up each name in it by its place. A file of a plugin ends where WordPress is
// not there.
const CHECK = `<?php
ini_set('html_errors', '0');
foreach (json_decode('FILES') as $i => $file) {
    $source = file_get_contents("/checked$i.php");
    echo "\\nFILE $file\\n";
    eval(preg_replace('~^defined.*exit;~m', 'return;', substr($source, strlen('<?php'))));
    $tokens = array_values(array_filter(token_get_all($source), function ($token) {
        return !in_array($token[0], [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT], true);
    }));
    $is = function ($at, $kinds) use ($tokens) {
        return isset($tokens[$at]) && in_array(is_array($tokens[$at]) ? $tokens[$at][0] : $tokens[$at], $kinds, true);
    };
    foreach ($tokens as $i => $token) {
        $is_member = $is($i - 1, [T_OBJECT_OPERATOR, T_DOUBLE_COLON, T_FUNCTION, T_CONST, T_CLASS]);
        if ($token[0] !== T_STRING || $is_member) {
            continue;
        }
        $name = $token[1];
        $before = $is($i - 1, [T_NS_SEPARATOR]) ? $i - 2 : $i - 1;
        if ($is($before, [T_NEW, T_EXTENDS, T_IMPLEMENTS, T_INSTANCEOF]) || $is($i + 1, [T_DOUBLE_COLON, T_VARIABLE])) {
            $kind = 'class';
            $is_there = in_array($name, ['self', 'parent']) || class_exists($name) || interface_exists($name);
        } elseif ($is($i + 1, ['('])) {
            $kind = 'function';
            $is_there = function_exists($name);
        } else {
            $kind = 'constant';
            $is_there = in_array(strtolower($name), ['true', 'false', 'null']) || defined($name);
        }
        if (!$is_there && !in_array($name, json_decode('${JSON.stringify(CURL)}'))) {
            echo "$token[2]: PHP 5.6 has no $kind $name\\n";
        }
    }
}`;

// Which of the names PHP has had since.
const LATER = `<?php
echo json_encode(array_values(array_filter(json_decode('NAMES'), function ($name) {
    return function_exists($name) || class_exists($name) || interface_exists($name) || defined($name);
})));`;

// In a plugin, a name that no PHP knows is WordPress's or its own.
async function withoutPlugins(faults) {
  const nameOf = ({ text }) => text.match(/^PHP 5\.6 has no \w+ (\w+)$/)?.[1];
  const isOpen = (fault) => /\/wordpress\//.test(fault.file) && nameOf(fault);
  const names = [...new Set(faults.filter(isOpen).map(nameOf))];
  if (names.length === 0) return faults;
  const { text } = await runWasm('8.2', {}, LATER.replace('NAMES', JSON.stringify(names)));
  const later = JSON.parse(text);
  return faults.filter((fault) => !isOpen(fault) || later.includes(nameOf(fault)));
}

function faultsIn(file, text) {
  const parse = text.match(/(?:Parse|Fatal) error: +(.*) in .* on line (\d+)/);
  if (parse) return [{ file, line: parse[2], text: parse[1] }];
  return [...text.matchAll(/^(\d+): (.*)$/gm)].map(([, line, what]) => ({ file, line, text: what }));
}

const files = process.argv.slice(2);
const sources = Object.fromEntries(files.map((file, i) => [`/checked${i}.php`, readFileSync(file, 'utf8')]));
const { text } = await runWasm('5.6', sources, CHECK.replace('FILES', JSON.stringify(files)));
const parts = text.split(/^FILE (.*)\n/m).slice(1);
const found = files.flatMap((file) => faultsIn(file, parts[parts.indexOf(file) + 1] ?? ''));
const faults = await withoutPlugins(found);
for (const fault of faults) process.stdout.write(`${fault.file}:${fault.line}: ${fault.text}\n`);
process.exitCode = parts.length === 2 * files.length && faults.length === 0 ? 0 : 1;

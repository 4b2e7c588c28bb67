// SPDX-License-Identifier: MIT
// hops.js - draws the table of the settings page: PHP's hops, then those of this page, each as soon as it is known. What comes after a
// broken one is not tested.
(function () {
  'use strict';

  var WAIT_MS = 10000;
  var HOPS = ['key', 'app', 'send', 'token', 'page', 'cookie', 'origin', 'relay', 'ring'];
  var settings = window.doorbellHops;
  var texts = settings.texts;
  var button = document.querySelector('#doorbell-test');

  function ask(action) {
    var body = new URLSearchParams({ action: action, nonce: settings.nonce });
    return fetch(settings.ajax, { method: 'POST', credentials: 'same-origin', body: body })
      .then(function (response) { return response.json(); })
      .then(function (answer) { return answer.data; });
  }

  function callApi(method, path, body) {
    var headers = body ? { 'Content-Type': 'application/json' } : {};
    return fetch(settings.api + path, { method: method, credentials: 'same-origin', cache: 'no-store', headers: headers, body: body })
      .then(function (response) {
        return response.json().then(function (json) { return { status: response.status, json: json }; });
      })
      .then(null, function () { return { status: 0, json: {} }; });
  }

  // What is wrong, or nothing. The answer to the one that must be refused tells for what reason it was.
  function testPage() {
    return callApi('GET', '/unread').then(function (answer) {
      var isOurs = answer.json.epoch || answer.json.error;
      if (!isOurs) return { page: texts.pageAdvice };
      if (answer.status === 503) return { page: answer.json.error.message };
      if (answer.json.user !== settings.user) return { page: '', cookie: texts.cookieAdvice };
      return callApi('POST', '/messages/read', '{"ids": []}').then(function (refused) {
        var isForbidden = refused.status === 403;
        return { page: '', cookie: '', origin: isForbidden ? texts.originAdvice.replace('%s', location.origin) : '' };
      });
    });
  }

  function address() {
    var url = new URL(settings.relay, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
  }

  // The relay lets the page in by its cookie; then the test's message has to ring here.
  function testRelay() {
    return new Promise(function (resolve) {
      var socket = new WebSocket(address(), ['doorbell.v1']);
      var found = { relay: texts.relayAdvice };
      var timer = setTimeout(end, WAIT_MS);
      function end() {
        clearTimeout(timer);
        socket.close();
        resolve(found);
      }
      socket.onclose = end;
      socket.onmessage = function (event) {
        var type = JSON.parse(event.data).type;
        if (type === 'welcome') {
          found = { relay: '', ring: texts.ringAdvice };
          ask('doorbell_test_message').then(function (text) {
            if (text) found.ring = text;
            if (text) end();
          });
        } else if (type === 'ring' && found.relay === '') {
          found.ring = '';
          end();
        }
      };
    });
  }

  function testPhp() {
    return ask('doorbell_hops').then(function (results) {
      var found = {};
      results.forEach(function (one) { found[one.hop] = one.text; });
      return found;
    }, function () { return { key: texts.wordpress }; });
  }

  function isWhole(found) {
    return Object.keys(found).every(function (hop) { return found[hop] === ''; });
  }

  function draw(found, isDone) {
    var table = document.querySelector('#doorbell-hops tbody');
    table.textContent = '';
    HOPS.forEach(function (hop) {
      var row = table.insertRow();
      var text = found[hop];
      row.dataset.hop = hop;
      row.dataset.state = text === '' ? 'ok' : text ? 'failed' : isDone ? 'skipped' : 'waiting';
      row.insertCell().textContent = texts[hop];
      row.insertCell().textContent = { ok: '✓ ' + texts.ok, failed: '✗ ' + texts.failed, skipped: texts.skipped, waiting: '…' }[row.dataset.state];
      row.insertCell().textContent = text || '';
    });
    table.parentNode.dataset.done = String(isDone);
  }

  function test() {
    var found = {};
    button.disabled = true;
    draw(found, false);
    [testPhp, testPage, testRelay].reduce(function (before, step) {
      return before.then(function () {
        return isWhole(found) ? step().then(function (more) { Object.assign(found, more); draw(found, false); }) : null;
      });
    }, Promise.resolve()).then(function () {
      draw(found, true);
      button.disabled = false;
    });
  }

  button.addEventListener('click', test);
  test();
})();

// SPDX-License-Identifier: MIT
// The settings page of the WordPress plugin: it names each hop that is broken, and what to do; what is saved; and what is left when
// the plugin is removed.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { fences } from '../../harness/examples.mjs';
import { freePort, writeSettings } from '../../harness/index.mjs';
import { makeKey } from '../../harness/secret.mjs';
import { document, startWordPress } from './wordpress.mjs';

const HOPS = ['key', 'app', 'send', 'token', 'page', 'cookie', 'origin', 'relay', 'ring'];
const SETTINGS = '/wp-admin/options-general.php?page=doorbell';

async function hopsOf(page, { again = true } = {}) {
  if (again) await page.click('#doorbell-test');
  await page.locator('#doorbell-hops[data-done=true]').waitFor();
  const rows = await page.locator('#doorbell-hops tr').evaluateAll((all) => all.map((row) => [row.dataset.hop, row.dataset.state, row.cells[2].textContent]));
  assert.deepEqual(rows.map(([hop]) => hop), HOPS);
  return rows;
}

// All before it work, the hop is broken with this advice, and nothing is said of what comes after.
async function assertBroken(page, hop, advice, options) {
  const rows = await hopsOf(page, options);
  const at = HOPS.indexOf(hop);
  const states = HOPS.map((_, i) => (i < at ? 'ok' : i === at ? 'failed' : 'skipped'));
  assert.deepEqual(rows.map(([, state]) => state), states, JSON.stringify(rows));
  assert.match(rows[at][2], advice);
}

test('the settings page', async (t) => {
  const wordpress = await startWordPress(t, { users: { ben: 'subscriber' }, activate: false });
  const { stack, folder } = wordpress;
  const page = await wordpress.logIn(t, 'admin', '/wp-admin/plugins.php');
  const restart = async (settings) => {
    writeSettings(stack.confPath, { ...stack.settings, ...settings });
    await stack.app.stop();
    await stack.app.start();
  };
  const isWhole = async (options) => {
    const rows = await hopsOf(page, options);
    assert.ok(rows.every(([, state]) => state === 'ok'), JSON.stringify(rows));
  };

  await t.test('activated as the document says, all hops work, and the test leaves no message', async () => {
    const row = page.locator('tr[data-slug=doorbell]');
    await row.locator('.activate a').click();
    await wordpress.cron();
    await row.locator('a', { hasText: 'Settings' }).click();
    await isWhole({ again: false });
    assert.deepEqual(await wordpress.inbox(1), []);
  });

  await t.test('without the secret doorbell-app makes the tokens', async () => {
    wordpress.configure({ DOORBELL_SECRET_FILE: null });
    await page.context().clearCookies({ name: 'doorbell_token' });
    await isWhole();
    for (const { name, value } of await page.context().cookies()) if (name === 'doorbell_token') stack.secrets.add(value);
    wordpress.configure();
  });

  await t.test('it names the hop that is broken', async () => {
    const wrong = `${folder}/wrong.key`;
    writeFileSync(wrong, `${stack.secrets.add(makeKey())}\n`);
    wordpress.configure({ DOORBELL_KEY_FILE: '/nowhere/send.key' });
    await assertBroken(page, 'key', /PHP cannot read \/nowhere\/send.key. Let its group read it/);
    wordpress.configure({ DOORBELL_KEY_FILE: wrong });
    await assertBroken(page, 'send', /401 unauthorized: .*check that send_key_file holds the first line of the send.key/);
    wordpress.configure({ DOORBELL_SECRET_FILE: wrong });
    await assertBroken(page, 'token', /401 unauthorized: .*check that secret_file holds/);
    wordpress.configure({ DOORBELL_COOKIE_DOMAIN: 'example.org' });
    await page.context().clearCookies({ name: 'doorbell_token' });
    await assertBroken(page, 'cookie', /DOORBELL_COOKIE_DOMAIN must suit this host/);
    wordpress.configure();

    await stack.app.stop();
    await assertBroken(page, 'app', /502, not from doorbell-app; check that url is the address/);
    await stack.app.start();
    await restart({ 'auth.origins': 'https://example.org' });
    await assertBroken(page, 'origin', new RegExp(`Add ${stack.url} to \\[auth\\] origins`));
    await restart({ 'app.relay_url': `http://127.0.0.1:${await freePort()}` });
    await assertBroken(page, 'ring', /\[app\] relay_url is the address of \[relay\] publish_listen/);
    await restart({});
    await stack.relay.stop();
    await assertBroken(page, 'relay', /Check that doorbell-relay runs/);
    await stack.relay.start();

    const mu = path.join(wordpress.site, 'wp-content/mu-plugins');
    mkdirSync(mu);
    writeFileSync(path.join(mu, 'api.php'), "<?php add_filter('doorbell_attributes', function ($all) { return ['api' => '/nothing'] + $all; });");
    await page.goto(stack.url + SETTINGS);
    await assertBroken(page, 'page', /Include Doorbell’s doorbell.conf/, { again: false });
    writeFileSync(path.join(mu, 'api.php'), '');
    await page.goto(stack.url + SETTINGS);
    await isWhole({ again: false });
  });

  await t.test('the document names all constants, and its code works', async () => {
    const names = Object.keys(await wordpress.run('return Doorbell\\WordPress\\constants();'));
    for (const name of [...names, 'DOORBELL_SCRIPT']) assert.match(document, new RegExp(`\`${name}\``));
    const recipes = fences(document).filter(({ tag }) => tag === 'php').map(({ text }) => text);
    assert.equal(recipes.length, 2);
    const got = await wordpress.run(`$user_id = 1; ${recipes.join('')} return [Doorbell\\WordPress\\page_of_messages(), Doorbell\\WordPress\\list_tag()];`);
    assert.deepEqual(got[0], `${stack.url}/inbox/`);
    assert.match(got[1], / sound="\/ding.wav"/);
    assert.deepEqual(await wordpress.told(1), [['account', 'Your account has been upgraded']]);
  });

  await t.test('what is chosen is saved, and nothing else; keys are not shown', async () => {
    await page.uncheck('input[value=orders]');
    await page.check('input[value=editor]');
    await Promise.all([page.waitForNavigation(), page.click('#submit')]);
    const saved = await wordpress.run("return get_option('doorbell');");
    assert.deepEqual(saved, { told: ['comments', 'replies', 'mentions', 'posts', 'moderation'], roles: ['editor', 'subscriber'], admin_bar: true });
    const odd = await wordpress.run("return Doorbell\\WordPress\\settings_sanitize(['told' => ['x', 'posts'], 'roles' => 'root', 'more' => 1]);");
    assert.deepEqual(odd, { told: ['posts'], roles: [], admin_bar: false });
    const text = await page.content();
    stack.secrets.assertUnseen({ 'the settings page': text });
  });

  await t.test('it is for administrators, and its calls need a nonce', async (u) => {
    const other = await wordpress.logIn(u, 'ben', '/wp-admin/profile.php');
    assert.equal((await other.goto(stack.url + SETTINGS)).status(), 403);
    const ask = (form) => other.request.post(`${stack.url}/wp-admin/admin-ajax.php`, { form: { action: 'doorbell_hops', ...form } });
    assert.equal((await ask({})).status(), 403);
    await other.goto(`${stack.url}/wp-admin/profile.php`);
    const nonce = await wordpress.run("return wp_create_nonce('doorbell_hops');", { user: wordpress.ids.ben });
    assert.equal((await ask({ nonce })).status(), 403);
  });

  await t.test('uninstalling leaves nothing', async () => {
    const post = await wordpress.post(1);
    await wordpress.comment(post);
    wordpress.configure({ DOORBELL_URL: 'http://127.0.0.1:1' });
    await wordpress.comment(post); // waits for a retry
    wordpress.configure();
    const left = () => wordpress.run(`global $wpdb; $n = 0;
      foreach (['options' => 'option_name', 'postmeta' => 'meta_key', 'commentmeta' => 'meta_key', 'usermeta' => 'meta_key'] as $table => $column)
        $n += count($wpdb->get_results("SELECT 1 FROM {$wpdb->prefix}$table WHERE $column LIKE '%doorbell%'"));
      return [$n, preg_match_all('~doorbell~', serialize(_get_cron_array()))];`);
    const members = async () => (await stack.api('GET', '/groups/wordpress-1-administrator/members', { service: true })).json.members;
    const before = await left();
    assert.ok(before[0] >= 4 && before[1] >= 2, `${before}`);
    assert.deepEqual(await members(), ['1']);
    await wordpress.run(`delete_option('doorbell_failure'); deactivate_plugins('doorbell/doorbell.php');`, { admin: true });
    await wordpress.run(`uninstall_plugin('doorbell/doorbell.php');`, { admin: true });
    assert.deepEqual(await left(), [0, 0]);
    assert.deepEqual(await members(), []);
  });
});

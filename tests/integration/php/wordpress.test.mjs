// SPDX-License-Identifier: MIT
// The WordPress plugin in a real WordPress and a browser: what rings whom, what takes it back, and what an open page costs.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';

import { until } from '../../harness/index.mjs';
import { blockOf, PASSWORD, startWordPress, untilBadge } from './wordpress.mjs';

const users = { ann: 'author', ben: 'subscriber', eve: 'editor', sue: 'subscriber' };

test('WordPress rings', async (t) => {
  const wordpress = await startWordPress(t, { users });
  const { admin, ann, ben, eve, sue } = wordpress.ids;
  const { stack } = wordpress;
  const post = await wordpress.post(ann);
  const clear = (...of) => Promise.all(of.map((user) => stack.api('POST', '/messages/read', { user: String(user), json: { all: true } })));
  const everybody = [admin, ann, ben, eve, sue];
  const step = (name, work) => t.test(name, async (u) => {
    await clear(...everybody);
    await work(u);
  });

  await step('a comment rings the open page of the author, is read there, and taken back from the trash', async (u) => {
    const page = await wordpress.logIn(u, 'ann');
    const other = await wordpress.logIn(u, 'ben', `/?p=${post}`);
    await untilBadge(page, 0);
    await other.fill('#comment', 'What a nice post!');
    await Promise.all([other.waitForNavigation(), other.click('#submit')]);
    await untilBadge(page, 1);
    await wordpress.comment(post, { user: sue, text: 'Really.' });
    await untilBadge(page, 2);
    const [second, first] = await wordpress.inbox(ann);
    assert.deepEqual([first.title, first.body, first.sender, first.category], ['ben commented on “Tea & cake”', 'What a nice post!', 'ben', 'comments']);
    assert.match(second.url, /#comment-\d+$/);

    await page.locator('doorbell-inbox .bell').click();
    await page.locator('doorbell-inbox .tab', { hasText: /^Comments/ }).waitFor();
    await page.locator('doorbell-inbox .row', { hasText: 'Really.' }).locator('.title').click();
    await page.waitForURL(second.url);
    await untilBadge(page, 1);

    const id = first.url.match(/#comment-(\d+)$/)[1];
    await wordpress.run(`return wp_trash_comment(${id});`);
    await untilBadge(page, 0);
    await wordpress.run(`return wp_untrash_comment(${id});`);
    await untilBadge(page, 1);
    await wordpress.run(`wp_delete_comment(${id}, true);`);
    await untilBadge(page, 0);
    assert.deepEqual(page.faults, []);
  });

  await step('an open page asks PHP nothing, with rings and for an hour', async (u) => {
    const page = await wordpress.logIn(u, 'ann');
    await untilBadge(page, 0);
    const before = wordpress.requests();
    await page.clock.install();
    for (let num = 1; num <= 5; num++) {
      await stack.api('POST', '/messages', { service: true, json: { to: String(ann), title: `No. ${num}` } });
      await untilBadge(page, num);
    }
    for (let quarter = 1; quarter <= 4; quarter++) {
      const asked = page.waitForResponse((response) => new URL(response.url()).pathname === '/doorbell/unread');
      await page.clock.fastForward(20 * 60_000);
      await asked;
    }
    assert.equal(wordpress.requests() - before, 0);
  });

  await step('the log-out takes the cookie and the number away; a visitor gets no cookie', async (u) => {
    await stack.api('POST', '/messages', { service: true, json: { to: String(ann), title: 'Secret' } });
    const page = await wordpress.logIn(u, 'ann');
    await untilBadge(page, 1);
    const tab = await page.context().newPage();
    await tab.goto(`${stack.url}/`);
    const out = await tab.locator('#wp-admin-bar-logout a').getAttribute('href');
    await tab.goto(out);
    assert.deepEqual((await page.context().cookies()).filter(({ name }) => name === 'doorbell_token'), []);
    await untilBadge(page, 0);
    const visit = await stack.request('GET', '/');
    assert.deepEqual([visit.status, visit.headers['set-cookie'], /doorbell/.test(visit.text)], [200, undefined, false]);
  });

  await step('a comment that awaits moderation rings those who can approve it, and its author after that', async () => {
    const id = await wordpress.comment(post, { text: 'Buy now', approved: 0 });
    for (const user of [admin, eve, ann]) assert.deepEqual(await wordpress.told(user), [['moderation', 'A comment by Guest on “Tea & cake” awaits moderation']]);
    assert.match((await wordpress.inbox(eve))[0].url, new RegExp(`/wp-admin/comment.php\\?action=approve&c=${id}$`));
    assert.deepEqual(await wordpress.told(ben), []);
    await wordpress.run(`return wp_set_comment_status(${id}, 'approve');`);
    assert.deepEqual(await wordpress.told(ann), [['comments', 'Guest commented on “Tea & cake”']]);
    for (const user of [admin, eve]) assert.deepEqual(await wordpress.told(user), []);
    await wordpress.run(`return wp_spam_comment(${id});`);
    assert.deepEqual(await wordpress.told(ann), []);
  });

  await step('replies and mentions ring too, each user once, and nobody for their own', async () => {
    const first = await wordpress.comment(post, { user: ben, text: 'Hello, @sue and @nobody. Mail: x@ann' });
    assert.deepEqual(await wordpress.told(sue), [['mentions', 'ben mentioned you in a comment on “Tea & cake”']]);
    assert.deepEqual(await wordpress.told(ann), [['comments', 'ben commented on “Tea & cake”']]);
    await clear(sue, ann);
    await wordpress.comment(post, { user: ann, text: '@ben, thank you. @ann', parent: first });
    assert.deepEqual(await wordpress.told(ben), [['replies', 'ann replied to you on “Tea & cake”']]);
    assert.deepEqual(await wordpress.told(ann), []);
    await clear(ben);
    // Not of what the user may not read, of a ping, or of a note of a shop.
    const secret = await wordpress.post(eve, { post_status: 'private' });
    await wordpress.comment(secret, { user: admin, text: 'For @sue and @eve' });
    await wordpress.run(`foreach (['pingback', 'order_note'] as $type) wp_insert_comment(['comment_post_ID' => ${post}, 'comment_type' => $type, 'comment_approved' => 1]);`);
    assert.deepEqual(await Promise.all([sue, ann].map((user) => wordpress.told(user))), [[], []]);
    assert.deepEqual(await wordpress.told(eve), [['mentions', 'admin mentioned you in a comment on “Tea & cake”']]);
    await clear(eve);
  });

  await step('each reads it in their own language', async () => {
    const languages = `${wordpress.site}/wp-content/languages`;
    mkdirSync(languages);
    writeFileSync(`${languages}/de_DE.mo`, '');
    await wordpress.run(`update_user_meta(${sue}, 'locale', 'de_DE');
      add_filter('gettext_doorbell', function ($to, $text) { return determine_locale() === 'de_DE' ? strtr(strtoupper($text), ['$S' => '$s']) : $to; }, 10, 2);
      wp_insert_comment(['comment_post_ID' => ${post}, 'user_id' => ${ben}, 'comment_author' => 'ben', 'comment_content' => '@sue @eve', 'comment_approved' => 1]);
      delete_user_meta(${sue}, 'locale');`);
    assert.deepEqual(await wordpress.told(sue), [['mentions', 'ben MENTIONED YOU IN A COMMENT ON “Tea & cake”']]);
    assert.deepEqual(await wordpress.told(eve), [['mentions', 'ben mentioned you in a comment on “Tea & cake”']]);
  });

  await step('a new post rings the roles that the settings name, by one row, and goes with the post', async () => {
    const rows = async () => (await stack.db.query('SELECT count(*)::int AS n FROM doorbell.message')).rows[0].n;
    await wordpress.run("return update_option('doorbell', ['told' => ['posts', 'mentions', 'comments', 'replies', 'moderation', 'orders'], 'roles' => ['subscriber', 'author'], 'admin_bar' => true]);");
    await wordpress.cron();
    const before = await rows();
    const draft = await wordpress.post(ann, { post_title: 'Scones', post_status: 'draft', post_content: 'With @sue' });
    assert.equal(await rows(), before);
    await wordpress.run(`return wp_publish_post(${draft});`);
    assert.deepEqual(await wordpress.told(ben), [['posts', 'New post by ann: Scones']]);
    assert.deepEqual((await wordpress.told(sue)).map(([category]) => category), ['posts', 'mentions']);
    assert.deepEqual(await wordpress.told(ann), []);
    assert.equal(await rows(), before + 3); // a row each for two roles and a mention
    await wordpress.comment(draft, { user: ben });
    await wordpress.run(`return wp_update_post(['ID' => ${draft}, 'post_title' => 'Scones!']);`);
    assert.equal(await rows(), before + 4);
    await wordpress.run(`return wp_trash_post(${draft})->ID;`);
    for (const user of [ben, sue, ann]) assert.deepEqual(await wordpress.told(user), []);
    // Of a post with many comments the rest follows.
    const many = await wordpress.post(ann, { post_status: 'private' });
    const left = () => wordpress.run(`global $wpdb; return (int) $wpdb->get_var("SELECT count(*) FROM $wpdb->commentmeta m JOIN $wpdb->comments USING (comment_ID) WHERE comment_post_ID = ${many} AND meta_key = '_doorbell'");`);
    await wordpress.run(`global $wpdb;
      foreach (range(1, 203) as $i) {
        $wpdb->insert($wpdb->comments, ['comment_post_ID' => ${many}, 'comment_approved' => '1']);
        add_comment_meta($wpdb->insert_id, '_doorbell', ['for' => 'approved', 'key' => 'x', 'ids' => [], 'is_done' => true]);
      }
      wp_trash_post(${many});`);
    assert.equal(await left(), 3);
    await wordpress.cron();
    assert.equal(await left(), 0);
    // A post of before the plugin is no news when it is edited.
    await wordpress.run("wp_update_post(['ID' => 1, 'post_title' => 'Edited']);");
    assert.deepEqual(await wordpress.told(ben), []);
  });

  await step('groups follow the roles', async () => {
    const members = async (role) => {
      const { json } = await stack.api('GET', `/groups/wordpress-1-${role}/members`, { service: true });
      return json.members ?? [];
    };
    assert.deepEqual(await members('subscriber'), [ben, sue].map(String));
    assert.deepEqual(await members('editor'), [String(eve)]);
    await wordpress.run(`get_userdata(${sue})->set_role('editor');`);
    assert.deepEqual([await members('subscriber'), await members('editor')], [[String(ben)], [eve, sue].map(String)]);
    // What failed meanwhile is made up for.
    await stack.api('POST', '/groups/wordpress-1-editor/members', { service: true, json: { add: ['77'], remove: [String(eve)] } });
    await wordpress.run("Doorbell\\WordPress\\roles_sync();");
    assert.deepEqual(await members('editor'), [eve, sue].map(String));
    await wordpress.run(`get_userdata(${sue})->set_role('subscriber');`);
  });

  await step('on the profile a user chooses what rings', async (u) => {
    const page = await wordpress.logIn(u, 'ben', '/wp-admin/profile.php');
    const boxes = page.locator('input[name="doorbell_ring[]"]');
    assert.deepEqual(await boxes.evaluateAll((all) => all.map(({ value, checked }) => [value, checked])),
      ['comments', 'replies', 'mentions', 'posts', 'orders'].map((category) => [category, true]));
    await page.locator('input[value=orders]').uncheck();
    await page.locator('input[value=posts]').uncheck();
    await Promise.all([page.waitForNavigation(), page.click('#submit')]);
    assert.equal(await page.locator('input[value=posts]').isChecked(), false);
    const { json } = await stack.api('GET', '/preferences', { user: String(ben) });
    assert.deepEqual(json.muted.sort(), ['orders', 'posts']);
    assert.deepEqual(page.faults, []);
    // Nobody else's, and not without a nonce.
    const save = (user, nonce) => `$_POST = ['doorbell_nonce' => ${nonce}, 'doorbell_ring' => []]; Doorbell\\WordPress\\profile_save(${user});`;
    await wordpress.run(save(ann, `wp_create_nonce('doorbell_profile_${ann}')`), { user: ben });
    await wordpress.run(save(ann, "'x'"), { user: ann });
    assert.deepEqual((await stack.api('GET', '/preferences', { user: String(ann) })).json.muted, []);
  });

  await step('a new password makes the tokens void', async () => {
    const token = stack.token(String(ben), { iat: Math.floor(Date.now() / 1000) - 10 });
    const unread = () => stack.request('GET', '/doorbell/unread', { headers: { authorization: `Bearer ${token}` } });
    await wordpress.run(`wp_update_user(['ID' => ${ben}, 'description' => 'Ben']);`);
    assert.equal((await unread()).status, 200);
    await wordpress.run(`wp_update_user(['ID' => ${ben}, 'user_pass' => '${PASSWORD}']);`);
    assert.equal((await unread()).json.error.code, 'revoked');
  });

  await step('blocks and shortcodes print the elements', async (u) => {
    const content = `<!-- wp:doorbell/list /-->\n${blockOf('html page')}`;
    const shown = await wordpress.post(admin, { post_title: 'Inbox', post_content: content, post_type: 'page' });
    const visit = await stack.request('GET', `/?page_id=${shown}`);
    const text = visit.status === 301 ? (await stack.request('GET', new URL(visit.headers.location).pathname)).text : visit.text;
    assert.ok(/Log in to see your messages/.test(text) && !/<doorbell-/.test(text), text);
    const page = await wordpress.logIn(u, 'eve', `/?page_id=${shown}`);
    await page.locator('doorbell-list .state, doorbell-list .row').first().waitFor();
    assert.deepEqual([await page.locator('doorbell-inbox').count(), await page.locator('doorbell-list').count()], [2, 2]);
    await page.goto(`${stack.url}/wp-admin/index.php?page=doorbell-messages`);
    await page.locator('doorbell-list .state, doorbell-list .row').first().waitFor();
    await page.goto(`${stack.url}/wp-admin/post.php?post=${shown}&action=edit`);
    await page.waitForFunction(() => window.wp?.blocks?.getBlockType('doorbell/bell')?.title === 'Doorbell: bell');
    assert.deepEqual(page.faults, []);
  });

  await step('orders of WooCommerce ring, by its hooks', async () => {
    await wordpress.run(`class Order {
        function get_customer_id() { return ${sue}; } function get_order_number() { return 'A-7'; } function get_id() { return 7; }
        function get_view_order_url() { return home_url('/order/7'); } function get_edit_order_url() { return admin_url('order/7'); }
      }
      wp_roles()->add_cap('editor', 'manage_woocommerce');
      do_action('woocommerce_checkout_order_processed', 7, [], new Order());
      foreach (['processing', 'completed'] as $state) do_action('woocommerce_order_status_changed', 7, 'pending', $state, new Order());`);
    assert.deepEqual(await wordpress.told(sue), [['orders', 'Order A-7: completed']]);
    assert.deepEqual(await wordpress.told(eve), [['orders', 'New order A-7']]);
  });

  await step('while Doorbell is down WordPress works, and what was to be sent is sent once it is back', async (u) => {
    await stack.app.stop();
    const page = await wordpress.logIn(u, 'ben', `/?p=${post}`);
    await page.fill('#comment', 'Is anybody there?');
    await Promise.all([page.waitForNavigation(), page.click('#submit')]);
    await page.getByText('Is anybody there?').waitFor();
    assert.match(wordpress.log(), /Doorbell: POST \/messages returned 502, not from doorbell-app; check that url/);
    assert.match((await wordpress.run("return get_option('doorbell_failure');")).text, /^POST \/messages returned 502/);
    await stack.app.start();
    assert.deepEqual(await wordpress.told(ann), []);
    await wordpress.cron();
    assert.deepEqual(await wordpress.told(ann), [['comments', 'ben commented on “Tea & cake”']]);
    await wordpress.cron();
    assert.equal((await wordpress.inbox(ann)).length, 1);
  });

  await step('a Doorbell that hangs is waited for once, whatever there is to send', async () => {
    wordpress.configure({ DOORBELL_TIMEOUT: 0.5, DOORBELL_CONNECT_TIMEOUT: 0.5 });
    stack.app.signal('SIGSTOP');
    t.after(() => stack.app.signal('SIGCONT'));
    const [id, seconds] = await wordpress.run(`$began = microtime(true);
      $id = wp_insert_comment(['comment_post_ID' => ${post}, 'user_id' => ${ben}, 'comment_author' => 'ben', 'comment_content' => 'Now @sue', 'comment_approved' => 1]);
      wp_insert_comment(['comment_post_ID' => ${post}, 'user_id' => ${ben}, 'comment_content' => 'And @eve', 'comment_approved' => 1]);
      return [$id, microtime(true) - $began];`);
    stack.app.signal('SIGCONT');
    assert.ok(id > 0 && seconds < 5, `${seconds} s`);
    wordpress.configure();
    await wordpress.run("update_option('doorbell_failure', '');"); // its ten seconds are over
    await wordpress.cron();
    assert.deepEqual([(await wordpress.told(sue)).length, (await wordpress.told(eve)).length, (await wordpress.told(ann)).length], [1, 1, 2]);
  });

  await step('personal data are exported and erased, and with a user all is forgotten', async () => {
    const of = (email) => `'${email}@example.org'`;
    const { data, done } = await wordpress.run(`return Doorbell\\WordPress\\privacy_export(${of('ann')});`);
    assert.equal(done, true);
    assert.ok(data.some(({ data: fields }) => fields.some(({ value }) => value.startsWith('Is anybody there?'))), JSON.stringify(data));
    const erased = await wordpress.run(`return Doorbell\\WordPress\\privacy_erase(${of('ann')});`);
    assert.deepEqual([erased.items_removed, erased.items_retained, erased.done], [true, false, true]);
    assert.deepEqual(await wordpress.told(ann), []);
    assert.equal((await wordpress.run(`return Doorbell\\WordPress\\privacy_erase(${of('nobody')});`)).items_removed, false);
    await wordpress.run(`return wp_delete_user(${ben});`, { admin: true });
    await until('the user to be forgotten', async () => (await stack.api('GET', `/users/${ben}`, { service: true })).status === 404);
  });

  await step('in a network each site has its roles, a user one inbox, and uninstalling empties all sites', async () => {
    const group = async (name) => (await stack.api('GET', `/groups/wordpress-${name}/members`, { service: true })).json.members;
    await wordpress.becomeNetwork();
    const second = await wordpress.run(`$blog = wp_insert_site(['domain' => '127.0.0.1', 'path' => '/second/', 'user_id' => 1, 'title' => 'Second']);
      switch_to_blog($blog);
      activate_plugin('doorbell/doorbell.php');
      add_user_to_blog($blog, ${ann}, 'author');
      add_user_to_blog($blog, ${eve}, 'subscriber');
      $post = wp_insert_post(['post_author' => ${ann}, 'post_title' => 'There', 'post_status' => 'publish']);
      wp_insert_comment(['comment_post_ID' => $post, 'user_id' => ${eve}, 'comment_author' => 'eve', 'comment_content' => 'Not a member: @sue', 'comment_approved' => 1]);
      return $blog;`, { admin: true });
    assert.deepEqual([await wordpress.told(ann), await wordpress.told(sue)], [[['comments', 'eve commented on “There”']], []]);
    assert.match((await wordpress.inbox(ann))[0].url, /\/second\//);
    assert.deepEqual([await group(`${second}-subscriber`), await group('1-editor')], [[String(eve)], [String(eve)]]);
    await wordpress.run(`remove_user_from_blog(${eve}, ${second});`);
    assert.deepEqual([await group(`${second}-subscriber`), await group('1-editor')], [[], [String(eve)]]);
    assert.equal((await stack.api('GET', `/users/${ann}`, { service: true })).status, 200);
    await wordpress.run(`require_once ABSPATH . 'wp-admin/includes/ms.php'; wpmu_delete_user(${ann});`, { admin: true });
    assert.equal((await stack.api('GET', `/users/${ann}`, { service: true })).status, 404);
    const left = await wordpress.run(`deactivate_plugins('doorbell/doorbell.php'); uninstall_plugin('doorbell/doorbell.php');
      switch_to_blog(${second});
      return get_option('doorbell');`, { admin: true });
    assert.deepEqual([left, await group('1-editor'), await group(`${second}-administrator`)], [false, [], []]);
  });
});

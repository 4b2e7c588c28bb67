// SPDX-License-Identifier: MIT
// wordpress.mjs - a real WordPress with the plugin: Debian's, copied, with a MariaDB, php-fpm and nginx of its own, before a real Doorbell.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { openProfile } from '../../browser/pages.mjs';
import { fences } from '../../harness/examples.mjs';
import { makeFolder, startStack, top } from '../../harness/index.mjs';
import { startMariadb } from '../../harness/mariadb.mjs';
import { startFpm } from '../../harness/php_fpm.mjs';
import { makeKey } from '../../harness/secret.mjs';
import { runPhp } from './php.mjs';

export const document = readFileSync(path.join(top, 'www/php/wordpress/README.md'), 'utf8');
export const blockOf = (wanted) => fences(document).find(({ tag }) => tag === wanted).text;
export const PASSWORD = makeKey();

// The smallest theme: what a page has of WordPress's own.
const THEME = {
  'style.css': '/*\nTheme Name: Plain\n*/',
  'comments.php': '<?php wp_list_comments(); comment_form();',
  'functions.php': "<?php add_filter('comment_flood_filter', '__return_false', 99);", // a user may comment twice within 15 s
  'index.php': `<!doctype html><html <?php language_attributes(); ?>><head><meta charset="utf-8"><title>Plain</title>
<link rel="icon" href="/demo/bell.svg"><?php wp_head(); ?></head><body><?php wp_body_open();
while (have_posts()) { the_post(); the_title('<h1>', '</h1>'); the_content(); if (is_singular()) comments_template(); }
wp_footer(); ?></body></html>`,
};

const server = ({ site, folder }) => `index index.php;
  location / { root ${site}; try_files $uri $uri/ /index.php?$args; }
  location ~ \\.php$ {
    root ${site};
    include /etc/nginx/fastcgi_params;
    fastcgi_param HTTP_HOST $http_host;
    fastcgi_pass unix:${folder}/php.sock;
    fastcgi_param SCRIPT_FILENAME ${site}$fastcgi_script_name;
  }`;

const SALTS = Object.fromEntries(['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'].flatMap((name) => [[`${name}_KEY`, makeKey()], [`${name}_SALT`, makeKey()]]));

function configOf({ site, socket, url, constants }) {
  const all = {
    DB_NAME: 'site', DB_USER: 'root', DB_PASSWORD: '', DB_HOST: `localhost:${socket}`, DB_CHARSET: 'utf8mb4', DB_COLLATE: '',
    WP_HOME: url, WP_SITEURL: url, ...SALTS, WP_DEFAULT_THEME: 'plain', WP_DEBUG: true, WP_DEBUG_DISPLAY: false,
    DISABLE_WP_CRON: true, WP_HTTP_BLOCK_EXTERNAL: true, AUTOMATIC_UPDATER_DISABLED: true, ...constants,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `define('${name}', ${JSON.stringify(value)});`);
  return `<?php\n${lines.join('\n')}\n$table_prefix = 'wp_';\ndefined('ABSPATH') || define('ABSPATH', '${site}/');\nrequire_once ABSPATH . 'wp-settings.php';\n`;
}

export class WordPress {
  constructor(fields) {
    Object.assign(this, fields);
  }

  // Writes wp-config.php, with what the document says, and `constants` {NAME: value} in its place or besides; null: none.
  configure(constants = {}) {
    const { folder, site, socket, stack } = this;
    const said = blockOf('php file=wp-config.php').replace('http://127.0.0.1/doorbell', `${stack.url}/doorbell`).replaceAll('/etc/doorbell/', `${folder}/`);
    const own = Object.fromEntries([...said.matchAll(/^define\('(\w+)', '(.*)'\);$/gm)].map(([, name, value]) => [name, value]));
    const patient = { DOORBELL_TIMEOUT: 20, DOORBELL_CONNECT_TIMEOUT: 20, DOORBELL_PAGE_TIMEOUT: 20 };
    writeFileSync(path.join(site, 'wp-config.php'), configOf({ site, socket, url: stack.url, constants: { ...own, ...patient, ...constants } }));
  }

  // What `code` returns, run within WordPress as `user` (of nobody: 0).
  async run(code, { user = 0, admin = false } = {}) {
    const script = `define('WP_ADMIN', ${admin});
      $_SERVER += ['HTTP_HOST' => '127.0.0.1', 'REQUEST_URI' => '/', 'SERVER_NAME' => '127.0.0.1', 'REQUEST_METHOD' => 'GET', 'REMOTE_ADDR' => '127.0.0.1', 'SERVER_PROTOCOL' => 'HTTP/1.1'];
      ${this.isInstalled ? '' : "define('WP_INSTALLING', true);"}
      require '${this.site}/wp-load.php';
      ${admin ? "require_once ABSPATH . 'wp-admin/includes/admin.php';" : ''}
      wp_set_current_user(${user});
      $got = (function () { ${code} })();
      echo "\\n", json_encode(['got' => $got]);`;
    const cache = ['opcache.enable_cli=1', 'opcache.file_cache_only=1', `opcache.file_cache=${this.folder}/opcache`].flatMap((one) => ['-d', one]);
    const args = [...cache, '-d', `error_log=${this.folder}/php.log`, '-d', 'log_errors=1', '-d', 'display_errors=0', '-r', script];
    const { code: status, stdout, stderr } = await runPhp(args);
    assert.equal(status, 0, stdout + stderr + this.log());
    return JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))).got;
  }

  // Makes it a network of sites, of which it is the first; it is reached by run() alone then.
  async becomeNetwork() {
    await this.run(`require_once ABSPATH . 'wp-admin/includes/upgrade.php'; global $wpdb;
      foreach ($wpdb->tables('ms_global') as $table => $name) $wpdb->$table = $name;
      install_network();
      populate_network(1, '127.0.0.1', 'admin@example.org', 'Network', '/', false);`, { admin: true });
    this.configure({
      MULTISITE: true, SUBDOMAIN_INSTALL: false, DOMAIN_CURRENT_SITE: '127.0.0.1', PATH_CURRENT_SITE: '/',
      SITE_ID_CURRENT_SITE: 1, BLOG_ID_CURRENT_SITE: 1,
    });
  }

  // What WP-Cron would do in the days to come, of the plugin's.
  cron() {
    return this.run(`$done = [];
      for ($round = 0; $round < 3; $round++) foreach ((array) _get_cron_array() as $at => $hooks) foreach ($hooks as $hook => $events) foreach ($events as $event) {
        if (strpos($hook, 'doorbell_') !== 0) continue;
        wp_unschedule_event($at, $hook, $event['args']);
        do_action_ref_array($hook, $event['args']);
        $done[] = $hook;
      }
      return $done;`);
  }

  comment(post, { user = 0, text = 'What a nice post!', parent = 0, approved = 1 } = {}) {
    return this.run(`$user = get_userdata(${user});
      return wp_insert_comment(['comment_post_ID' => ${post}, 'user_id' => ${user}, 'comment_author' => $user ? $user->display_name : 'Guest',
        'comment_content' => '${text}', 'comment_parent' => ${parent}, 'comment_approved' => ${approved}]);`);
  }

  post(author, fields = {}) {
    const all = { post_author: author, post_title: 'Tea & cake', post_content: 'Hello', post_status: 'publish', ...fields };
    return this.run(`return wp_insert_post(json_decode('${JSON.stringify(all)}', true));`);
  }

  // [category, title] of what is unread, newest first.
  async told(user) {
    return (await this.inbox(user)).map(({ category, title }) => [category, title]);
  }

  log() {
    return readFileSync(`${this.folder}/php.log`, 'utf8');
  }

  // How many requests php-fpm has served.
  requests() {
    return readFileSync(`${this.folder}/fpm.access`, 'utf8').split('\n').length - 1;
  }

  // What is unread for a user, newest first.
  async inbox(user) {
    const { json } = await this.stack.api('GET', '/messages?state=unread', { user: String(user) });
    return json.messages;
  }

  // A browser with a page, logged in by WordPress's own form.
  async logIn(t, login, where = '/') {
    const profile = await openProfile(t);
    const page = await profile.newPage();
    page.faults = [];
    page.on('pageerror', (error) => page.faults.push(String(error)));
    await page.goto(`${this.stack.url}/wp-login.php?redirect_to=${encodeURIComponent(this.stack.url + where)}`);
    await page.locator('#user_login:focus').waitFor(); // the form's script takes the focus once, 200 ms in, from whatever is being filled
    await page.fill('#user_login', login);
    await page.fill('#user_pass', PASSWORD);
    await page.click('#wp-submit');
    await page.waitForURL((url) => url.pathname !== '/wp-login.php');
    for (const { name, value } of await profile.cookies()) if (name.endsWith('doorbell_token')) this.stack.secrets.add(value);
    return page;
  }
}

// The number on the page's bell, by the badge, and by the title.
export async function untilBadge(page, num) {
  await page.waitForFunction(([wanted]) => {
    const badge = document.querySelector('doorbell-inbox')?.shadowRoot?.querySelector('.badge');
    const title = document.title.match(/^\((\d+)\) /)?.[1] ?? '0';
    return badge && badge.textContent === (wanted ? String(wanted) : '') && badge.hidden === (wanted === 0) && title === String(wanted);
  }, [num]);
}

// With an administrator of id 1 and users {login: role}, whose ids are wordpress.ids[login].
export async function startWordPress(t, { users = {}, config = {}, activate = true } = {}) {
  const folder = makeFolder();
  const site = path.join(folder, 'site');
  mkdirSync(site);
  mkdirSync(`${folder}/opcache`);
  chmodSync(site, 0o755);
  const copied = promisify(execFile)('sh', ['-c', `cp -RL /usr/share/wordpress/* ${site}/`]);
  for (const name of ['php.log', 'fpm.access']) {
    writeFileSync(`${folder}/${name}`, '');
    chmodSync(`${folder}/${name}`, 0o666);
  }
  const fpm = await startFpm(t, folder, { lines: `catch_workers_output = yes\nphp_admin_value[error_log] = ${folder}/php.log
access.log = ${folder}/fpm.access\nphp_admin_value[opcache.revalidate_freq] = 0` });
  const [socket, stack] = await Promise.all([
    startMariadb(t),
    startStack(t, { config, serverOptions: { server: server({ site, folder }) } }),
    copied,
  ]);
  for (const name of ['send.key', 'auth.secret']) writeFileSync(path.join(folder, name), readFileSync(path.join(stack.dir, name)));
  const content = path.join(site, 'wp-content');
  mkdirSync(`${content}/themes/plain`, { recursive: true });
  for (const [name, text] of Object.entries(THEME)) writeFileSync(`${content}/themes/plain/${name}`, text);
  await promisify(execFile)('sh', ['-ec', blockOf('sh install').replace('/usr/local/share/doorbell/php', `${top}/www/php`).replace('/var/www/html', site)]);
  copyFileSync(`${top}/www/php/doorbell.php`, `${content}/plugins/doorbell/includes/doorbell.php`); // as `make install` does
  const wordpress = new WordPress({ folder, site, fpm, stack, socket, isInstalled: false });
  wordpress.configure();
  t.after(() => {
    stack.secrets.assertUnseen({ 'the log of PHP': wordpress.log() + fpm.log });
    assert.doesNotMatch(wordpress.log(), /plugins\/doorbell/); // a notice of PHP's
  });
  await wordpress.run(`require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    wp_install('Plain', 'admin', 'admin@example.org', true, '', '${PASSWORD}');
    switch_theme('plain');`);
  wordpress.isInstalled = true;
  wordpress.ids = await wordpress.run(`${activate ? "activate_plugin('doorbell/doorbell.php');" : ''}
    update_option('comment_previously_approved', '');
    $ids = ['admin' => 1];
    foreach (json_decode('${JSON.stringify(users)}', true) as $login => $role)
      $ids[$login] = wp_insert_user(['user_login' => $login, 'user_pass' => '${PASSWORD}', 'user_email' => "$login@example.org", 'role' => $role]);
    return $ids;`, { admin: true });
  await wordpress.cron();
  return wordpress;
}
